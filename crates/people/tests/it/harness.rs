//! The use cases over a store in memory, with a fast hasher and a clock that tests move.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use auth::{
    OpaqueToken, PasswordCheck, PasswordHash, PasswordHasher, Role, StoredUser, TokenUse, TotpSecret, UserCaller,
    parse_user_email,
};
use aws_lc_rs::hmac;
use crypto::{DeviceCookieKey, MasterKey, PasskeyChallengeKey, TotpFactors};
use kernel::{
    Actor, ActorKind, Attribution, Clock as _, Entropy, Id, OrganizationRef, Origin, Reason, Timestamp, Title,
};
use limits::MemoryLimits;
use novantra_people::{
    Author, BegunSession, Client, EnrollmentForm, LinkForm, People, PeopleError, PeopleParts, PeopleSettings, SignIn,
    SignInOutcome, SignInRefusal,
};
use secrecy::{ExposeSecret as _, SecretString};
use store_contract::{Fixture, OpenedStore};
use store_memory::MemoryStore;

pub(crate) const PASSWORD: &str = "kestrel venn oblique";
pub(crate) const OTHER_PASSWORD: &str = "tarn gorse lapwing";
pub(crate) const EMAIL: &str = "m.halloran@brackwater.example";

/// A hasher whose hashes are the passwords themselves, which counts its calls.
pub(crate) struct PlainHasher {
    pub(crate) verified: AtomicUsize,
    /// The prefix of hashes with current parameters.
    prefix: &'static str,
}

impl PasswordHasher for PlainHasher {
    fn hash(&self, password: &SecretString) -> PasswordHash {
        PasswordHash::new(format!("{}{}", self.prefix, password.expose_secret()))
    }

    fn verify(&self, password: &SecretString, hash: Option<&PasswordHash>) -> PasswordCheck {
        self.verified.fetch_add(1, Ordering::SeqCst);
        let stored = hash.and_then(|hash| hash.as_str().split_once('$'));
        match stored {
            Some((_, stored)) if stored != password.expose_secret() => PasswordCheck::Wrong,
            Some((prefix, _)) if prefix != self.prefix.trim_end_matches('$') => PasswordCheck::RightButOutdated,
            Some(_) => PasswordCheck::Right,
            None => PasswordCheck::Wrong,
        }
    }
}

/// An installation with the workspace `home`.
pub(crate) struct Harness {
    pub(crate) fixture: Fixture,
    pub(crate) people: People,
    pub(crate) hasher: Arc<PlainHasher>,
    pub(crate) home: OrganizationRef,
    reason: Reason,
}

impl Harness {
    pub(crate) async fn open() -> Self {
        Self::with_settings(PeopleSettings::default()).await
    }

    pub(crate) async fn with_settings(settings: PeopleSettings) -> Self {
        let open = async |clock| OpenedStore::new(Arc::new(MemoryStore::new(clock)));
        let fixture = Fixture::open(open).await;
        let master = MasterKey::generate(&*fixture.entropy);
        let hasher = Arc::new(PlainHasher { verified: AtomicUsize::new(0), prefix: "new$" });
        let parts = PeopleParts {
            store: Arc::clone(&fixture.store),
            clock: Arc::clone(&fixture.clock) as _,
            entropy: Arc::clone(&fixture.entropy) as _,
            limits: Arc::new(MemoryLimits::new(1000)),
            passwords: Arc::clone(&hasher) as _,
            second_factors: Arc::new(TotpFactors::new(&master)),
            devices: Arc::new(DeviceCookieKey::new(&master)),
            challenges: Arc::new(PasskeyChallengeKey::new(&master)),
        };
        let home = OrganizationRef { id: fixture.home, slug: "home".into() };
        let reason = Reason::parse("a test of the use cases").unwrap();
        Self { people: People::new(parts, settings), fixture, hasher, home, reason }
    }

    pub(crate) fn operator(&self) -> Author<'_> {
        let actor = Actor { kind: ActorKind::System, id: None, name: "command line".into() };
        Author::operator(Attribution { actor, origin: self.origin(None), actor_revision: None }, &self.reason)
    }

    pub(crate) fn user_author<'a>(&'a self, caller: &'a UserCaller) -> Author<'a> {
        Author::user(caller, self.origin(None), Some(&self.reason))
    }

    fn origin(&self, address: Option<IpAddr>) -> Origin {
        Origin {
            request_id: Id::new(self.fixture.entropy.ulid(self.now())),
            method: Some("POST".into()),
            route: Some("/app/sign-in".into()),
            source_address: address.map(|address| address.to_string()),
            user_agent: Some("Firefox".to_owned()),
        }
    }

    /// A client without a device cookie at this address.
    pub(crate) fn client(&self, address: &str) -> Client {
        let address: IpAddr = address.parse().unwrap();
        Client { origin: self.origin(Some(address)), address: Some(address), device_cookie: None }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.fixture.clock.now()
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.fixture.clock.advance(Duration::from_secs(seconds));
    }

    /// Invites a user, who sets [`PASSWORD`].
    pub(crate) async fn active_user(&self, email: &str, role: Role) -> StoredUser {
        let name = Title::parse("Morgan Halloran").unwrap();
        let email = parse_user_email(email).unwrap();
        let (user, link) = self.people.create_user(&self.operator(), &self.home, (name, email, role)).await.unwrap();
        self.use_link(&link.token, PASSWORD).await.unwrap();
        self.people.user(self.home.id, user.meta.id).await.unwrap()
    }

    /// Uses the link of a user with this password, without a second factor.
    pub(crate) async fn use_link(&self, token: &OpaqueToken, password: &str) -> Result<BegunSession, PeopleError> {
        let password = SecretString::from(password);
        let form = LinkForm { name: "", email: "", password: &password, second_factor: None };
        let used = self.people.use_link(token, form, &self.client("192.0.2.1")).await;
        used.map(|enrolled| enrolled.begun)
    }

    /// Attempts to sign in to the workspace `home`.
    pub(crate) async fn sign_in(&self, email: &str, password: &str, client: &Client) -> SignInOutcome {
        self.sign_in_to("home", email, password, client).await
    }

    pub(crate) async fn sign_in_to(
        &self,
        workspace: &str,
        email: &str,
        password: &str,
        client: &Client,
    ) -> SignInOutcome {
        let password = SecretString::from(password);
        self.people.sign_in(&SignIn { workspace, email, password: &password }, client).await.unwrap()
    }

    /// Signs in with [`PASSWORD`], and returns the token.
    pub(crate) async fn signed_in(&self, email: &str) -> BegunSession {
        begun(self.sign_in(email, PASSWORD, &self.client("192.0.2.1")).await)
    }

    /// Signs in a user without a second factor.
    pub(crate) async fn caller(&self, email: &str) -> UserCaller {
        self.people.authenticate(&self.signed_in(email).await.session.token).await.unwrap()
    }

    /// Makes an administrator with a second factor who has signed in.
    pub(crate) async fn administrator(&self, email: &str) -> UserCaller {
        let user = self.active_user(email, Role::Admin).await;
        let pending = self.signed_in(email).await;
        let offer = self.people.offer_second_factor(&user);
        let code = self.code(&offer.secret);
        let form = EnrollmentForm { sealed: &offer.sealed, code: &code };
        let client = self.client("192.0.2.1");
        let enrolled = self.people.enroll_at_sign_in(&pending.session.token, form, &client).await.unwrap();
        self.people.authenticate(&enrolled.begun.session.token).await.unwrap()
    }

    /// The code that an app shows now.
    pub(crate) fn code(&self, secret: &TotpSecret) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.bytes());
        let step = self.now().seconds() / 30;
        let tag = hmac::sign(&key, &step.to_be_bytes());
        let offset = usize::from(tag.as_ref()[19] & 15);
        let number = u32::from_be_bytes(tag.as_ref()[offset..offset + 4].try_into().unwrap()) & 0x7fff_ffff;
        format!("{:06}", number % 1_000_000)
    }

    /// The actions of the audit log of the workspace, oldest first, from this one on.
    pub(crate) async fn actions(&self, skipped: usize) -> Vec<String> {
        let log = self.fixture.audit_log(self.home.id).await;
        log.iter().skip(skipped).map(|stored| stored.entry.action.to_string()).collect()
    }

    pub(crate) async fn entries(&self) -> usize {
        self.fixture.audit_log(self.home.id).await.len()
    }
}

/// The session that has begun.
pub(crate) fn begun(outcome: SignInOutcome) -> BegunSession {
    match outcome {
        SignInOutcome::Begun(begun) => *begun,
        SignInOutcome::Refused(refusal) => panic!("{refusal:?}"),
    }
}

/// The refusal of a sign-in.
pub(crate) fn refused(outcome: SignInOutcome) -> SignInRefusal {
    match outcome {
        SignInOutcome::Refused(refusal) => refusal,
        SignInOutcome::Begun(begun) => panic!("a session has begun: {:?}", begun.session.session),
    }
}

/// The same token, as the browser sends it.
pub(crate) fn sent(token: &OpaqueToken, token_use: TokenUse) -> OpaqueToken {
    OpaqueToken::parse(token_use, token.expose()).unwrap()
}
