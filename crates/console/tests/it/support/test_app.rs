//! The web app over the in-memory store, with a clock that tests control and people who have signed in.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use api_v1::{ApiServices, AttachmentLimits, AttachmentServices, WebhookServices};
use async_trait::async_trait;
use attachments::BucketStore;
use audit::Checkpoint;
use auth::{CredentialChange, OpaqueToken, Role, Session, SessionLevel, TokenUse, User, UserStatus};
use axum::Router;
use console::ConsoleServices;
use crypto::{
    Argon2Hasher, Argon2PasswordHasher, CachedVerifier, CheckpointKey, CursorKey, DeviceCookieKey, Encryptor,
    HmacWebhookSigner, MasterKey, TokenKeys, TotpFactors, generate_signing_key,
};
use http_api::{ApiSettings, App, CommitListener, CursorSigner, Observer, ResponseCipher, Services};
use kernel::{Changeset, Entropy};
use limits::MemoryLimits;
use people::{People, PeopleParts, PeopleSettings};
use store_contract::{Fixture, OpenedStore, samples};
use store_memory::MemoryStore;
use webhooks::{AddressPolicy, AttemptOutcome, EndpointUrl, Message, Sender};

use super::Browser;

/// The web app under test.
pub(crate) struct TestApp {
    pub(crate) fixture: Fixture,
    notified: Arc<Notified>,
    pub(crate) router: Router,
    signer: CheckpointKey,
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

/// Endpoints that accept every event.
struct Accepting;

#[async_trait]
impl Sender for Accepting {
    async fn send(&self, _: &EndpointUrl, _: Message) -> AttemptOutcome {
        AttemptOutcome {
            duration: Duration::from_millis(12),
            status: Some(202),
            response_body: Some("taken".to_owned()),
            failure: None,
            retry_after: None,
        }
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
        let notified = Arc::<Notified>::default();
        let people = PeopleParts {
            store: Arc::clone(&fixture.store),
            clock: fixture.clock.clone(),
            entropy: Arc::clone(&entropy),
            limits: limits.clone(),
            passwords: Arc::new(Argon2PasswordHasher::new(Arc::clone(&entropy))),
            second_factors: Arc::new(TotpFactors::new(&master)),
            devices: Arc::new(DeviceCookieKey::new(&master)),
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
            commit_listener: notified.clone(),
            settings: ApiSettings::default(),
        });
        let limits =
            AttachmentLimits { max_bytes: 1024 * 1024, max_unlinked_bytes: None, max_organization_bytes: None };
        let attachments = Arc::new(AttachmentServices::new(Arc::new(BucketStore::in_memory()), limits));
        let signer = Arc::new(HmacWebhookSigner::new(&master));
        let webhooks = Arc::new(WebhookServices::new(signer, Arc::new(Accepting), AddressPolicy::default()));
        let pages = console::surface(ConsoleServices {
            endpoints: webhooks.endpoints.clone(),
            checkpoints: Arc::new(CheckpointKey::new(&master).public_key()),
            api_document: api_v1::document(),
        });
        let router = http_api::router(app, [api_v1::surface(ApiServices { webhooks, attachments }), pages]);
        let signer = CheckpointKey::new(&master);
        Self { fixture, notified, router, signer }
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

    /// Seals the audit log, as a server does it every second.
    pub(crate) async fn seal(&self) {
        let store = &self.fixture.store;
        while let Some(unsealed) = store.unsealed(self.fixture.home, 100).await.unwrap() {
            let batch = audit::seal(&unsealed);
            let head = batch.head();
            let at = self.fixture.now();
            let checkpoint = Checkpoint::sign(&self.signer, self.fixture.home, head.sequence, head.hash, at);
            assert!(store.seal(&batch, &checkpoint).await.unwrap());
        }
    }

    /// The number of times that the workers were notified of due deliveries.
    pub(crate) fn notified(&self) -> usize {
        self.notified.0.load(Ordering::Relaxed)
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

/// Counts the commits after which deliveries are due.
#[derive(Default)]
struct Notified(AtomicUsize);

impl CommitListener for Notified {
    fn concerns(&self, _: &Changeset) -> bool {
        false
    }

    fn notify(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}
