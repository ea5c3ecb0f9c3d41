//! The server under test over the in-memory store, with a clock that tests control.

use std::{sync::Arc, time::Duration};

use api_v1::{ApiServices, AttachmentLimits, AttachmentServices, PayloadRenderer, WebhookServices};
use attachments::BucketStore;
use auth::{
    ClientSecret, CredentialChange, Credentials, Keyring, OpaqueToken, PasswordHash, PublishedKey, Role, SecretHasher,
    ServiceAccount, Session, SessionLevel, StoredSecret, StoredUser, TokenUse, User, UserStatus,
};
use axum::{Router, http::Method};
use console::ConsoleServices;
use crypto::{
    Argon2Hasher, CachedVerifier, CheckpointKey, CursorKey, DeviceCookieKey, Encryptor, HmacWebhookSigner, MasterKey,
    PasskeyChallengeKey, TokenKeys, TotpFactors, generate_signing_key,
};
use kernel::{Entropy, OrganizationId};
use limits::MemoryLimits;
use novantra_http::{
    ApiSettings, App, Quotas, Surface,
    endpoints::Operation,
    pipeline::{Services, SessionCookie},
    router,
};
use people::{People, PeopleParts, PeopleSettings};
use scopes::Scope;
use store_contract::{Fixture, OpenedStore, samples};
use store_memory::MemoryStore;
use webhooks::AddressPolicy;

use super::{
    Call, CountingHasher,
    desk::desk,
    fakes::{Cipher, Cursors, Nothing},
};

/// The password of every user that the tests create.
pub(crate) const PASSWORD: &str = "kestrel venn oblique";

/// A server with both of its surfaces, and one that is made for the tests.
pub(crate) struct Site {
    pub(crate) fixture: Fixture,
    pub(crate) hasher: Arc<CountingHasher>,
    pub(crate) router: Router,
    /// The endpoints of the web app.
    pub(crate) pages: &'static [Operation],
    /// The endpoints of the API.
    pub(crate) api: &'static [Operation],
}

impl Site {
    pub(crate) async fn open() -> Self {
        Self::with_settings(Self::unlimited()).await
    }

    /// Settings with rate limits so high that no test reaches them by accident.
    pub(crate) fn unlimited() -> ApiSettings {
        let many = 1_000_000;
        let quotas = Quotas {
            token_read: many,
            token_write: many,
            organization: many,
            token_endpoint: many,
            token_endpoint_address: many,
            unauthenticated: many,
        };
        ApiSettings { quotas, ..ApiSettings::default() }
    }

    /// A server that browsers reach without TLS.
    pub(crate) async fn without_tls() -> Self {
        Self::with_settings(ApiSettings { session_cookie: SessionCookie::Plain, ..Self::unlimited() }).await
    }

    pub(crate) async fn with_settings(settings: ApiSettings) -> Self {
        let fixture = Fixture::open(async |clock| OpenedStore::new(Arc::new(MemoryStore::new(clock)))).await;
        let entropy: Arc<dyn Entropy> = fixture.entropy.clone();
        let master = MasterKey::generate(&*entropy);
        let key = generate_signing_key(&master, &*entropy, fixture.now());
        let ring = Keyring::new(fixture.now(), vec![PublishedKey { key, signs_from: fixture.now() }]);
        let tokens = Arc::new(TokenKeys::open(&master, &ring, "https://novantra.example").unwrap());
        let limits = Arc::new(MemoryLimits::default());
        let hasher = Arc::<CountingHasher>::default();
        let people = PeopleParts {
            store: Arc::clone(&fixture.store),
            clock: fixture.clock.clone(),
            entropy: Arc::clone(&entropy),
            limits: limits.clone(),
            passwords: hasher.clone(),
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
            observer: Arc::new(Nothing),
            commit_listener: Arc::new(Nothing),
            settings,
        });
        let [api, pages] = surfaces(&fixture, &master);
        let operations = (pages.operations(), api.operations());
        let router = router(app, [api, pages, desk()]);
        Self { fixture, hasher, router, pages: operations.0, api: operations.1 }
    }

    pub(crate) fn call(&self, method: &Method, path: &str) -> Call {
        Call::new(self.router.clone(), method.clone(), path)
    }

    pub(crate) fn get(&self, path: &str) -> Call {
        self.call(&Method::GET, path)
    }

    pub(crate) fn post(&self, path: &str) -> Call {
        self.call(&Method::POST, path)
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.fixture.clock.advance(Duration::from_secs(seconds));
    }

    /// Creates a user of the organization with [`PASSWORD`].
    pub(crate) async fn user(&self, organization: OrganizationId, email: &str, role: Role) -> StoredUser {
        let user = User {
            name: samples::title("Dana Whitlock"),
            email: auth::parse_user_email(email).unwrap(),
            role,
            status: UserStatus::Active,
            timezone: None,
        };
        let user = self.fixture.create(organization, user).await;
        let credentials = Credentials::new(PasswordHash::new(PASSWORD), self.fixture.now());
        self.change_credentials(&user, CredentialChange::SetCredentials { user: user.meta.id, credentials }).await;
        user
    }

    pub(crate) async fn change_credentials(&self, user: &StoredUser, change: CredentialChange) {
        let changeset = self.fixture.changeset(user.meta.organization);
        assert!(self.fixture.store.commit_with_credentials(changeset, &[change]).await.unwrap());
    }

    /// Begins a session of the user, and returns it with its token.
    pub(crate) async fn begin_session(&self, user: &StoredUser, level: SessionLevel) -> (Session, String) {
        let organization = user.meta.organization;
        let token = OpaqueToken::generate(TokenUse::Session, organization, &*self.fixture.entropy);
        let now = self.fixture.now();
        let session = Session {
            id: self.fixture.new_id(),
            organization,
            user: user.meta.id,
            token: token.hash(),
            level,
            created_at: now,
            authenticated_at: now,
            last_used_at: now,
            expires_at: now + Duration::from_secs(24 * 60 * 60),
            source_address: None,
            user_agent: None,
        };
        self.change_credentials(user, CredentialChange::AddSession(session.clone())).await;
        (session, token.expose().to_owned())
    }

    /// The token of the session of a new user with this role who has signed in.
    pub(crate) async fn signed_in(&self, role: Role) -> String {
        let email = format!("{}@cedar.example", self.fixture.new_id::<User>());
        let user = self.user(self.fixture.home, &email, role).await;
        self.begin_session(&user, SessionLevel::Full).await.1
    }

    /// The access token of a new service account with all scopes.
    pub(crate) async fn access_token(&self) -> String {
        let secret = ClientSecret::generate(&*self.fixture.entropy);
        let hash = Argon2Hasher::new(self.fixture.entropy.clone()).hash(&secret, None);
        let account = ServiceAccount {
            scopes: Scope::ALL.iter().copied().collect(),
            secrets: vec![StoredSecret { hash, expires_at: None }],
            ..samples::account("the scanner")
        };
        let account = self.fixture.create(self.fixture.home, account).await;
        let body = serde_json::json!({
            "grant_type": "client_credentials",
            "client_id": account.meta.id.to_string(),
            "client_secret": secret.expose(),
        });
        let call = self.post("/api/v1/auth/token").header("content-type", "application/json").body(body.to_string());
        let issued: serde_json::Value = serde_json::from_slice(&call.send().await.expect(200).body).unwrap();
        issued["access_token"].as_str().unwrap().to_owned()
    }
}

/// The API and the web app.
fn surfaces(fixture: &Fixture, master: &MasterKey) -> [Surface; 2] {
    let audit_log = Arc::new(fixture.published_log());
    let limits = AttachmentLimits { max_bytes: 1024, max_unlinked_bytes: None, max_organization_bytes: None };
    let attachments = Arc::new(AttachmentServices::new(Arc::new(BucketStore::in_memory()), limits));
    let signer = Arc::new(HmacWebhookSigner::new(master));
    let webhooks = Arc::new(WebhookServices::new(signer, Arc::new(Nothing), AddressPolicy::default()));
    let pages = console::surface(ConsoleServices {
        events: Arc::new(PayloadRenderer),
        files: Arc::new(Nothing),
        endpoints: webhooks.endpoints.clone(),
        checkpoints: Arc::new(CheckpointKey::new(master).public_key()),
        checkpoint_key_pem: CheckpointKey::new(master).public_key().to_pem(),
        audit_log: Arc::clone(&audit_log),
        api_document: api_v1::document(),
        tables: Arc::new(Nothing),
        api_path: api_v1::collection_path,
    });
    [api_v1::surface(ApiServices { webhooks, attachments, audit_log }), pages]
}
