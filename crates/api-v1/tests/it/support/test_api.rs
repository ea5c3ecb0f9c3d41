//! The API under test over the in-memory store, with a clock that tests control and accounts that they create.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use api_v1::{ApiServices, AttachmentLimits, AttachmentServices, DeliveryTrigger, WebhookServices};
use audit::StoredEntry;
use audit_store::PublishedLog;
use auth::{Account, AccountStatus, ClientSecret, ServiceAccount, TokenVerifier};
use axum::Router;
use crypto::Argon2PasswordHasher;
use evidence::{AttachmentStatus, ContentType, EvidenceAttachment, EvidenceContent, FileName, ObjectKey, Sha256};
use findings::Finding;
use http_api::{ApiSettings, App, Observer, Quotas, Services, Surface};
use kernel::{Entropy, Id, OrganizationId};
use limits::MemoryLimits;
use people::{People, PeopleParts, PeopleSettings};
use registers::Control;
use scopes::{Scope, ScopeSet};
use serde_json::{Value, json};
use store_contract::{Fixture, OpenedStore, TestClock, samples};
use store_memory::MemoryStore;
use webhooks::AddressPolicy;

use super::{
    contents::FaultyContents,
    keys::TestKeys,
    log,
    request::{TestRequest, TestResponse},
    store_probe::StoreProbe,
    webhooks::{CountingNotifier, FakeEndpoints},
};

/// The peer address of a request, unless a test sets another one.
pub(crate) const CLIENT_ADDRESS: &str = "192.0.2.7:40000";

/// The maximum size of an attachment.
pub(crate) const MAX_ATTACHMENT_BYTES: u64 = 4 * 1024 * 1024;

/// The API under test, with its store, its clock and its other dependencies.
pub(crate) struct TestApi {
    pub(crate) fixture: Fixture,
    pub(crate) probe: Arc<StoreProbe>,
    pub(crate) app: App,
    pub(crate) webhooks: Arc<WebhookServices>,
    pub(crate) audit_log: Arc<PublishedLog>,
    pub(crate) contents: Arc<FaultyContents>,
    pub(crate) router: Router,
    pub(crate) home: OrganizationId,
    pub(crate) keys: TestKeys,
    pub(crate) observer: Arc<RecordingObserver>,
    pub(crate) endpoints: Arc<FakeEndpoints>,
    pub(crate) notifier: Arc<CountingNotifier>,
}

/// An API client: an account, its secret and a token for all its scopes.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) account: Account,
    pub(crate) secret: String,
    pub(crate) token: String,
}

/// An observer that records each response that the API reports: method, route template and status.
#[derive(Default)]
pub(crate) struct RecordingObserver(Mutex<Vec<(String, &'static str, u16)>>);

impl RecordingObserver {
    pub(crate) fn last(&self) -> Option<(String, &'static str, u16)> {
        self.0.lock().unwrap().last().cloned()
    }
}

impl Observer for RecordingObserver {
    fn record_response(&self, method: &str, route: &'static str, status: u16, _: Duration) {
        self.0.lock().unwrap().push((method.to_owned(), route, status));
    }
}

impl TestApi {
    /// Opens an API with rate limits so high that no test reaches them by accident.
    pub(crate) async fn open() -> Self {
        Self::with_settings(Self::unlimited()).await
    }

    /// Settings with rate limits so high that no test reaches them by accident.
    pub(crate) fn unlimited() -> ApiSettings {
        let unlimited = 1_000_000;
        let quotas = Quotas {
            token_read: unlimited,
            token_write: unlimited,
            organization: unlimited,
            token_endpoint: unlimited,
            token_endpoint_address: unlimited,
            unauthenticated: unlimited,
        };
        ApiSettings { quotas, ..ApiSettings::default() }
    }

    /// Opens an API with these settings.
    pub(crate) async fn with_settings(settings: ApiSettings) -> Self {
        Self::with_verifier(settings, |verifier| verifier).await
    }

    /// Opens an API with these settings. `customize` may replace or wrap the usual token verifier.
    pub(crate) async fn with_verifier(
        settings: ApiSettings,
        customize: impl FnOnce(Arc<dyn TokenVerifier>) -> Arc<dyn TokenVerifier>,
    ) -> Self {
        let probe = Arc::<StoreProbe>::default();
        let fixture = Fixture::open(async |clock| {
            let store = MemoryStore::new(clock).with_interceptor(Arc::clone(&probe) as _);
            OpenedStore::new(Arc::new(store))
        })
        .await;
        let observer = Arc::<RecordingObserver>::default();
        let contents = Arc::<FaultyContents>::default();
        let (endpoints, notifier) = (Arc::<FakeEndpoints>::default(), Arc::<CountingNotifier>::default());
        let entropy: Arc<dyn Entropy> = fixture.entropy.clone();
        let keys = TestKeys::new(&entropy, fixture.now());
        let limits = Arc::new(MemoryLimits::default());
        let people = PeopleParts {
            store: Arc::clone(&fixture.store),
            clock: fixture.clock.clone(),
            entropy: Arc::clone(&entropy),
            limits: limits.clone(),
            passwords: Arc::new(Argon2PasswordHasher::new(Arc::clone(&entropy))),
            second_factors: keys.second_factors.clone(),
            devices: keys.devices.clone(),
            challenges: keys.challenges.clone(),
        };
        let app = App::new(Services {
            store: Arc::clone(&fixture.store),
            clock: fixture.clock.clone(),
            people: Arc::new(People::new(people, PeopleSettings::default())),
            entropy,
            hasher: keys.secrets.clone(),
            signer: keys.tokens.clone(),
            verifier: customize(keys.verifier()),
            limits,
            cursor_signer: keys.cursor_signer.clone(),
            response_cipher: keys.response_cipher.clone(),
            observer: observer.clone(),
            commit_listener: Arc::new(DeliveryTrigger(notifier.clone())),
            settings,
        });
        let webhooks =
            Arc::new(WebhookServices::new(keys.webhooks.clone(), endpoints.clone(), AddressPolicy::default()));
        let audit_log = Arc::new(log::published(&fixture, &keys.master));
        let router = http_api::router(app.clone(), [surface(&webhooks, &audit_log, &contents, ATTACHMENT_LIMITS)]);
        let home = fixture.home;
        Self { fixture, probe, app, webhooks, audit_log, contents, router, home, keys, observer, endpoints, notifier }
    }

    /// The API as a surface of another server over the same store.
    pub(crate) fn surface(&self) -> Surface {
        surface(&self.webhooks, &self.audit_log, &self.contents, ATTACHMENT_LIMITS)
    }

    /// Limits what an account has in attachments without a claim, and what an organization has in all attachments. Each
    /// call is another server over the same store.
    pub(crate) fn limit_attachments(&mut self, unlinked: Option<u64>, organization: Option<u64>) {
        let limits = AttachmentLimits {
            max_unlinked_bytes: unlinked,
            max_organization_bytes: organization,
            ..ATTACHMENT_LIMITS
        };
        self.router =
            http_api::router(self.app.clone(), [surface(&self.webhooks, &self.audit_log, &self.contents, limits)]);
    }

    pub(crate) fn clock(&self) -> &TestClock {
        &self.fixture.clock
    }

    /// Creates an account with these scopes and gets a token for it from the token endpoint.
    pub(crate) async fn client(&self, organization: OrganizationId, scopes: &[Scope]) -> Client {
        self.client_with(organization, scopes, |account| account).await
    }

    /// Like [`Self::client`], with an account that `customize` may change before it is stored.
    pub(crate) async fn client_with(
        &self,
        organization: OrganizationId,
        scopes: &[Scope],
        customize: impl FnOnce(ServiceAccount) -> ServiceAccount,
    ) -> Client {
        let secret = ClientSecret::generate(&*self.fixture.entropy);
        let account = ServiceAccount {
            scopes: scopes.iter().copied().collect(),
            secrets: vec![auth::StoredSecret { hash: self.keys.hash(&secret), expires_at: None }],
            ..samples::account(&format!("account {}", self.fixture.new_id::<Finding>()))
        };
        let account = self.fixture.create(organization, customize(account)).await;
        let mut client = Client { account, secret: secret.expose().to_owned(), token: String::new() };
        client.token = self.new_token(&client).await;
        client
    }

    /// Creates an account of the home organization that has every scope.
    pub(crate) async fn full_access_client(&self) -> Client {
        self.client(self.home, Scope::ALL).await
    }

    /// Gets a new token for all scopes of the client.
    pub(crate) async fn new_token(&self, client: &Client) -> String {
        let response = self.request_token(client).await.expect(200);
        response.json()["access_token"].as_str().unwrap().to_owned()
    }

    /// Requests a token for all scopes of the client, and returns the response.
    pub(crate) async fn request_token(&self, client: &Client) -> TestResponse {
        let body = json!({
            "grant_type": "client_credentials",
            "client_id": client.id(),
            "client_secret": client.secret,
        });
        self.post("/api/v1/auth/token").json(&body).send().await
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> TestRequest {
        TestRequest::new(self.router.clone(), method, path)
    }

    pub(crate) fn get(&self, path: &str) -> TestRequest {
        self.request("GET", path)
    }

    pub(crate) fn post(&self, path: &str) -> TestRequest {
        self.request("POST", path)
    }

    pub(crate) fn patch(&self, path: &str) -> TestRequest {
        self.request("PATCH", path)
    }

    /// Creates a finding over the API and returns its id.
    pub(crate) async fn create_finding(&self, client: &Client, key: &str) -> String {
        let response = self.post(findings_path()).auth(client).json(&finding_body(key)).send().await.expect(201);
        response.json()["finding"]["id"].as_str().unwrap().to_owned()
    }

    /// Writes a finding to the store as it is, without any validation.
    pub(crate) async fn store_finding(&self, key: &str, change: impl FnOnce(Finding) -> Finding) -> Id<Finding> {
        self.fixture.create(self.home, change(samples::finding(key))).await.meta.id
    }

    /// Writes a control to the store, without any validation.
    pub(crate) async fn store_control(&self, organization: OrganizationId, key: &str) -> Id<Control> {
        self.fixture.create(organization, samples::full_control(key)).await.meta.id
    }

    /// Stores an attachment with these bytes, without a request.
    pub(crate) async fn store_attachment(
        &self,
        organization: OrganizationId,
        bytes: &'static [u8],
    ) -> Id<EvidenceAttachment> {
        let object = self.contents.store(organization, self.fixture.new_id::<Finding>().ulid(), bytes).await;
        let sha256 = object.key.hash.to_string();
        let size = i64::try_from(object.size).unwrap();
        let content = EvidenceContent {
            key: Sha256::parse(&sha256).unwrap(),
            object_key: Some(ObjectKey::parse(&object.key.to_string()).unwrap()),
            size,
        };
        self.fixture.create(organization, content).await;
        let attachment = EvidenceAttachment {
            file_name: FileName::parse("report.csv").unwrap(),
            content_type: ContentType::parse("text/csv").unwrap(),
            size,
            sha256: Sha256::parse(&sha256).unwrap(),
            uploaded_by: None,
            claim_id: None,
            status: AttachmentStatus::Linked,
        };
        self.fixture.create(organization, attachment).await.meta.id
    }

    /// Seals all entries of the audit log, as a server does it every second.
    pub(crate) async fn seal(&self) {
        log::seal(&self.fixture, &self.keys.master).await;
        // The sealer's own entries took timestamps after the clock's time.
        self.clock().tick();
    }

    /// The audit log of the organization, oldest entry first.
    pub(crate) async fn audit_log(&self, organization: OrganizationId) -> Vec<StoredEntry> {
        self.fixture.audit_log(organization).await
    }

    /// The entries of the home organization's audit log by request id.
    pub(crate) async fn entries_by_request(&self) -> HashMap<String, Vec<StoredEntry>> {
        let mut entries: HashMap<String, Vec<StoredEntry>> = HashMap::new();
        for recorded in self.audit_log(self.home).await {
            entries.entry(recorded.entry.origin.request_id.to_string()).or_default().push(recorded);
        }
        entries
    }

    /// Disables the account of the client.
    pub(crate) async fn disable(&self, client: &Client) {
        self.change_account(client, |account| account.with_status(AccountStatus::Disabled)).await;
    }

    /// Replaces the scopes of the account of the client.
    pub(crate) async fn set_scopes(&self, client: &Client, scopes: &[Scope]) {
        let scopes: ScopeSet = scopes.iter().copied().collect();
        self.change_account(client, |account| account.with_scopes(scopes).unwrap()).await;
    }

    /// Changes the account of the client as an operator would.
    pub(crate) async fn change_account(&self, client: &Client, change: impl FnOnce(&ServiceAccount) -> ServiceAccount) {
        let meta = client.account.meta;
        let current = self.fixture.get::<ServiceAccount>(meta.organization, meta.id).await.unwrap();
        self.fixture.update(&current, change(&current.record)).await;
    }
}

/// Limits of attachments that no test reaches by accident.
const ATTACHMENT_LIMITS: AttachmentLimits =
    AttachmentLimits { max_bytes: MAX_ATTACHMENT_BYTES, max_unlinked_bytes: None, max_organization_bytes: None };

fn surface(
    webhooks: &Arc<WebhookServices>,
    audit_log: &Arc<PublishedLog>,
    contents: &Arc<FaultyContents>,
    limits: AttachmentLimits,
) -> Surface {
    let attachments = Arc::new(AttachmentServices::new(Arc::clone(contents) as _, limits));
    api_v1::surface(ApiServices { webhooks: Arc::clone(webhooks), attachments, audit_log: Arc::clone(audit_log) })
}

impl Client {
    pub(crate) fn id(&self) -> String {
        self.account.meta.id.to_string()
    }
}

pub(crate) fn findings_path() -> &'static str {
    "/api/v1/governance/findings"
}

/// The smallest valid body of a new finding.
pub(crate) fn finding_body(key: &str) -> Value {
    json!({
        "findingKey": key,
        "title": "SQL built from user input",
        "severity": "high",
        "sourceKind": "module_signal",
        "reason": "because a test says so",
    })
}

/// Parses a peer address, such as [`CLIENT_ADDRESS`].
pub(crate) fn parse_address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}
