//! The web app over the in-memory store, with a clock that tests control and people who have signed in.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use api_v1::{AttachmentLimits, AttachmentServices, PayloadRenderer};
use async_trait::async_trait;
use attachments::BucketStore;
use auth::{CredentialChange, OpaqueToken, Role, Session, SessionLevel, TokenUse, User, UserStatus};
use axum::Router;
use bytes::Bytes;
use console::{ConsoleServices, EvidenceFiles};
use crypto::{
    Argon2Hasher, Argon2PasswordHasher, CachedVerifier, CursorKey, DeviceCookieKey, Encryptor, MasterKey, PasskeyChallengeKey, TokenKeys,
    TotpFactors, generate_signing_key,
};
use evidence::{
    AttachedFile, AttachmentStatus, ContentStore as _, ContentType, EvidenceAttachment, EvidenceContent, FileName,
    ObjectKey, Sha256,
};
use http_api::{
    ApiSettings, App, CursorSigner, Observer, ResponseCipher, Services,
    pipeline::CommitListener,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use kernel::{Changeset, Entropy, OrganizationId, Stored};
use limits::MemoryLimits;
use people::{People, PeopleParts, PeopleSettings};
use store_contract::{Fixture, OpenedStore, samples};
use store_memory::MemoryStore;

use super::Browser;

/// The web app under test.
pub(crate) struct TestApp {
    pub(crate) fixture: Fixture,
    contents: Arc<BucketStore>,
    events: Arc<Events>,
    router: Router,
}

struct Cursors(CursorKey);

impl CursorSigner for Cursors {
    fn sign(&self, payload: &[u8]) -> String {
        self.0.sign(payload)
    }

    fn verify(&self, cursor: &str) -> Option<Vec<u8>> {
        self.0.verify(cursor)
    }
}

struct Cipher(Encryptor);

impl ResponseCipher for Cipher {
    fn encrypt(&self, entropy: &dyn Entropy, purpose: &str, body: &[u8]) -> Vec<u8> {
        self.0.encrypt(entropy, purpose, body)
    }

    fn decrypt(&self, purpose: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        self.0.decrypt(purpose, sealed).ok().map(|body| body.to_vec())
    }
}

struct NoObserver;

impl Observer for NoObserver {
    fn record_response(&self, _: &str, _: &'static str, _: u16, _: Duration) {}
}

struct Files(Arc<AttachmentServices>);

#[async_trait]
impl EvidenceFiles for Files {
    async fn download(
        &self,
        app: &App,
        request: &ApiRequest,
        attachment: &Stored<EvidenceAttachment>,
    ) -> Result<ApiResponse, Problem> {
        Arc::clone(&self.0).download(app, request, attachment).await
    }

    async fn are_stored(
        &self,
        app: &App,
        organization: OrganizationId,
        files: &[AttachedFile],
    ) -> Result<bool, Problem> {
        self.0.are_stored(app, organization, files).await
    }
}

impl TestApp {
    pub(crate) async fn open() -> Self {
        let fixture = Fixture::open(async |clock| OpenedStore::new(Arc::new(MemoryStore::new(clock)))).await;
        let entropy: Arc<dyn Entropy> = fixture.entropy.clone();
        let master = MasterKey::generate(&*entropy);
        let key = generate_signing_key(&master, &*entropy, fixture.now());
        let ring = auth::Keyring::new(fixture.now(), vec![auth::PublishedKey { key, signs_from: fixture.now() }]);
        let tokens = Arc::new(TokenKeys::open(&master, &ring, "https://novantra.example").unwrap());
        let limits = Arc::new(MemoryLimits::default());
        let events = Arc::<Events>::default();
        let people = PeopleParts {
            store: Arc::clone(&fixture.store),
            clock: fixture.clock.clone(),
            entropy: Arc::clone(&entropy),
            limits: limits.clone(),
            passwords: Arc::new(Argon2PasswordHasher::new(Arc::clone(&entropy))),
            second_factors: Arc::new(TotpFactors::new(&master)),
            devices: Arc::new(DeviceCookieKey::new(&master)),
            challenges: Arc::new(PasskeyChallengeKey::new(&master)),
        };
        let app = App::new(Services {
            store: Arc::clone(&fixture.store),
            clock: fixture.clock.clone(),
            people: Arc::new(People::new(people, PeopleSettings::default())),
            entropy: Arc::clone(&entropy),
            hasher: Arc::new(Argon2Hasher::new(Arc::clone(&entropy))),
            signer: tokens.clone(),
            verifier: Arc::new(CachedVerifier::new(tokens, 100)),
            limits,
            cursor_signer: Arc::new(Cursors(CursorKey::new(&master))),
            response_cipher: Arc::new(Cipher(Encryptor::new(&master))),
            observer: Arc::new(NoObserver),
            commit_listener: events.clone(),
            settings: ApiSettings::default(),
        });
        let contents = Arc::new(BucketStore::in_memory());
        let limits =
            AttachmentLimits { max_bytes: 1024 * 1024, max_unlinked_bytes: None, max_organization_bytes: None };
        let files = Arc::new(AttachmentServices::new(contents.clone(), limits));
        let services = ConsoleServices { events: Arc::new(PayloadRenderer), files: Arc::new(Files(files)) };
        let router = http_api::router(app, [console::surface(services)]);
        Self { fixture, contents, events, router }
    }

    /// A person with this role who has signed in.
    pub(crate) async fn browser(&self, role: Role) -> Browser {
        let user = User {
            name: samples::title("Dana Whitlock"),
            email: auth::parse_user_email(&format!("{}@cedar.example", self.fixture.new_id::<User>())).unwrap(),
            role,
            status: UserStatus::Active,
            timezone: None,
        };
        let user = self.fixture.create(self.fixture.home, user).await;
        let token = OpaqueToken::generate(TokenUse::Session, self.fixture.home, &*self.fixture.entropy);
        let now = self.fixture.now();
        let session = Session {
            id: self.fixture.new_id(),
            organization: self.fixture.home,
            user: user.meta.id,
            token: token.hash(),
            level: SessionLevel::Full,
            created_at: now,
            authenticated_at: now,
            last_used_at: now,
            expires_at: now + Duration::from_secs(24 * 60 * 60),
            source_address: None,
            user_agent: None,
        };
        let changeset = self.fixture.changeset(self.fixture.home);
        let changes = [CredentialChange::AddSession(session)];
        assert!(self.fixture.store.commit_with_credentials(changeset, &changes).await.unwrap());
        let mut browser = Browser {
            router: self.router.clone(),
            cookie: format!("__Host-novantra-session={}", token.expose()),
            form_token: String::new(),
        };
        let html = browser.get("/app").await.expect(200).html();
        let (_, rest) = html.split_once("name=\"formToken\" value=\"").unwrap();
        rest[..64].clone_into(&mut browser.form_token);
        browser
    }

    /// Stores a linked attachment with these bytes.
    pub(crate) async fn store_file(&self, name: &str, bytes: &'static [u8]) -> Stored<EvidenceAttachment> {
        let (home, id) = (self.fixture.home, self.fixture.new_id::<EvidenceContent>().ulid());
        let mut upload = self.contents.begin_upload(home, id).await.unwrap();
        upload.write(Bytes::from_static(bytes)).await.unwrap();
        let object = upload.finish().await.unwrap().store(id).await.unwrap();
        let sha256 = Sha256::parse(&object.key.hash.to_string()).unwrap();
        let size = i64::try_from(object.size).unwrap();
        let content = EvidenceContent {
            key: sha256.clone(),
            size,
            object_key: Some(ObjectKey::parse(&object.key.to_string()).unwrap()),
        };
        self.fixture.create(home, content).await;
        let attachment = EvidenceAttachment {
            file_name: FileName::parse(name).unwrap(),
            content_type: ContentType::parse("text/csv").unwrap(),
            size,
            sha256,
            uploaded_by: None,
            claim_id: None,
            status: AttachmentStatus::Linked,
        };
        self.fixture.create(home, attachment).await
    }

    /// Removes the bytes of all files, as an operator might by mistake.
    pub(crate) async fn remove_files(&self) {
        for object in self.contents.list(None, 100).await.unwrap() {
            self.contents.remove(&object.name).await.unwrap();
        }
    }

    /// Takes the names of the events that were published since the last call.
    pub(crate) fn take_events(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.events.0.lock().unwrap())
    }

    /// The actions of the audit log that people performed, oldest first, each with its reason.
    pub(crate) async fn actions(&self) -> Vec<(String, Option<String>)> {
        let log = self.fixture.audit_log(self.fixture.home).await;
        let by_people = log.into_iter().filter(|stored| stored.entry.actor.kind == kernel::ActorKind::User);
        by_people
            .map(|stored| {
                (stored.entry.action.as_str().to_owned(), stored.entry.reason.map(|reason| reason.to_string()))
            })
            .collect()
    }
}

/// The names of the events that commits publish.
#[derive(Default)]
struct Events(Mutex<Vec<&'static str>>);

impl CommitListener for Events {
    fn concerns(&self, changeset: &Changeset) -> bool {
        self.0.lock().unwrap().extend(changeset.events().iter().map(|event| event.name));
        false
    }

    fn notify(&self) {}
}
