//! The web app over the in-memory store, beside the API, with a clock that tests control.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use api_v1::{ApiServices, AttachmentLimits, AttachmentServices, PayloadRenderer, WebhookServices};
use async_trait::async_trait;
use attachments::BucketStore;
use axum::Router;
use console::ConsoleServices;
use crypto::{
    Argon2Hasher, Argon2PasswordHasher, CachedVerifier, CheckpointKey, CursorKey, DeviceCookieKey, Encryptor,
    HmacWebhookSigner, MasterKey, PasskeyChallengeKey, TokenKeys, TotpFactors, generate_signing_key,
};
use http_api::{ApiSettings, App, CommitListener, CursorSigner, Observer, Quotas, ResponseCipher, Services};
use kernel::{Changeset, Entropy};
use limits::MemoryLimits;
use people::{People, PeopleParts, PeopleSettings};
use store_contract::{Fixture, OpenedStore};
use store_memory::MemoryStore;
use webhooks::{AddressPolicy, AttemptOutcome, EndpointUrl, Message, Sender};

use super::{files::Files, log, tables::Tables};

/// The web app under test.
pub(crate) struct TestApp {
    pub(crate) fixture: Fixture,
    pub(crate) people: Arc<People>,
    pub(super) contents: Arc<BucketStore>,
    pub(super) passwords: Argon2PasswordHasher,
    pub(super) tokens: Arc<TokenKeys>,
    pub(crate) tables: Arc<Tables>,
    pub(crate) router: Router,
    published: Arc<Published>,
    master: MasterKey,
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

/// Limits that no test reaches.
fn generous_quotas() -> Quotas {
    let many = 1_000_000;
    Quotas {
        token_read: many,
        token_write: many,
        organization: many,
        token_endpoint: many,
        token_endpoint_address: many,
        unauthenticated: many,
    }
}

fn attachment_limits() -> AttachmentLimits {
    AttachmentLimits { max_bytes: 1024 * 1024, max_unlinked_bytes: None, max_organization_bytes: None }
}

impl TestApp {
    pub(crate) async fn open() -> Self {
        Self::with(|_, people| people, attachment_limits()).await
    }

    pub(crate) async fn with_limits(attachment_limits: AttachmentLimits) -> Self {
        Self::with(|_, people| people, attachment_limits).await
    }

    /// The web app with these changes of the use cases of people.
    pub(crate) async fn with_people(change: impl FnOnce(&Fixture, People) -> People) -> Self {
        Self::with(change, attachment_limits()).await
    }

    async fn with(change: impl FnOnce(&Fixture, People) -> People, attachment_limits: AttachmentLimits) -> Self {
        let fixture = Fixture::open(async |clock| OpenedStore::new(Arc::new(MemoryStore::new(clock)))).await;
        let entropy: Arc<dyn Entropy> = fixture.entropy.clone();
        let master = MasterKey::generate(&*entropy);
        let key = generate_signing_key(&master, &*entropy, fixture.now());
        let ring = auth::Keyring::new(fixture.now(), vec![auth::PublishedKey { key, signs_from: fixture.now() }]);
        let tokens = Arc::new(TokenKeys::open(&master, &ring, "https://novantra.example").unwrap());
        let limits = Arc::new(MemoryLimits::default());
        let published = Arc::<Published>::default();
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
        let people = Arc::new(change(&fixture, People::new(people, PeopleSettings::default())));
        let app = App::new(Services {
            store: Arc::clone(&fixture.store),
            clock: fixture.clock.clone(),
            people: Arc::clone(&people),
            entropy: Arc::clone(&entropy),
            hasher: Arc::new(Argon2Hasher::new(Arc::clone(&entropy))),
            signer: tokens.clone(),
            verifier: Arc::new(CachedVerifier::new(tokens.clone(), 100)),
            limits,
            cursor_signer: Arc::new(Cursors(CursorKey::new(&master))),
            response_cipher: Arc::new(Cipher(Encryptor::new(&master))),
            observer: Arc::new(NoObserver),
            commit_listener: published.clone(),
            settings: ApiSettings { quotas: generous_quotas(), ..ApiSettings::default() },
        });
        let contents = Arc::new(BucketStore::in_memory());
        let attachments = Arc::new(AttachmentServices::new(contents.clone(), attachment_limits));
        let signer = Arc::new(HmacWebhookSigner::new(&master));
        let webhooks = Arc::new(WebhookServices::new(signer, Arc::new(Accepting), AddressPolicy::default()));
        let tables = Arc::new(Tables::new(fixture.entropy.clone()));
        let audit_log = Arc::new(log::published(&fixture, &master));
        let pages = console::surface(ConsoleServices {
            audit_log: Arc::clone(&audit_log),
            events: Arc::new(PayloadRenderer),
            files: Arc::new(Files(Arc::clone(&attachments))),
            endpoints: webhooks.endpoints.clone(),
            checkpoints: Arc::new(CheckpointKey::new(&master).public_key()),
            checkpoint_key_pem: CheckpointKey::new(&master).public_key().to_pem(),
            api_document: api_v1::document(),
            tables: tables.clone(),
            api_path: api_v1::collection_path,
        });
        let router = http_api::router(app, [api_v1::surface(ApiServices { webhooks, attachments, audit_log }), pages]);
        let passwords = Argon2PasswordHasher::new(entropy);
        Self { fixture, people, contents, passwords, tokens, tables, router, published, master }
    }

    /// Seals the audit log, as a server does it every second.
    pub(crate) async fn seal(&self) {
        log::seal(&self.fixture, &self.master).await;
    }

    /// The number of times that the workers were notified of due deliveries.
    pub(crate) fn notified(&self) -> usize {
        self.published.notifications.load(Ordering::Relaxed)
    }

    /// Takes the names of the events that were published since the last call.
    pub(crate) fn take_events(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.published.events.lock().unwrap())
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

/// Records what commits publish.
#[derive(Default)]
struct Published {
    events: Mutex<Vec<&'static str>>,
    notifications: AtomicUsize,
}

impl CommitListener for Published {
    fn concerns(&self, changeset: &Changeset) -> bool {
        self.events.lock().unwrap().extend(changeset.events().iter().map(|event| event.name));
        false
    }

    fn notify(&self) {
        self.notifications.fetch_add(1, Ordering::Relaxed);
    }
}
