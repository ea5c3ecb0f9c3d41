//! People who sign in to the web app under test as people do, and programs that call its API.

use std::time::Duration;

use auth::{
    Claims, CredentialChange, Credentials, OpaqueToken, Role, Session, SessionLevel, TokenSigner, TokenUse, User,
    UserId, UserStatus,
};
use aws_lc_rs::hmac;
use axum::{
    body::Body,
    http::{Method, Request},
};
use http_body_util::BodyExt as _;
use kernel::{Actor, ActorKind, Attribution, Entropy as _, Id, OrganizationRef, Origin, Reader, Reason, Title};
use people::Author;
use scopes::Scope;
use store_contract::samples;
use tower::ServiceExt as _;

use super::{Browser, Page, TestApp};

pub(crate) const PASSWORD: &str = "kestrel venn oblique";
pub(crate) const EMAIL: &str = "m.halloran@brackwater.example";

impl TestApp {
    /// A browser in which nobody has signed in.
    pub(crate) fn stranger(&self) -> Browser {
        Browser { router: self.router.clone(), cookie: "a=b".to_owned(), form_token: String::new(), host: "localhost" }
    }

    /// An active person with this role, who has no password.
    pub(crate) async fn person(&self, name: &str, role: Role) -> UserId {
        let user = User {
            name: samples::title(name),
            email: auth::parse_user_email(&format!("{}@cedar.example", self.fixture.new_id::<User>())).unwrap(),
            role,
            status: UserStatus::Active,
            timezone: None,
        };
        self.fixture.create(self.fixture.home, user).await.meta.id
    }

    /// Sets the password of a person.
    pub(crate) async fn set_password(&self, user: UserId) {
        let hash = auth::PasswordHasher::hash(&self.passwords, &PASSWORD.to_owned().into());
        let credentials = Credentials::new(hash, self.fixture.now());
        self.change(CredentialChange::SetCredentials { user, credentials }).await;
    }

    async fn change(&self, change: CredentialChange) {
        let changeset = self.fixture.changeset(self.fixture.home);
        assert!(self.fixture.store.commit_with_credentials(changeset, &[change]).await.unwrap());
    }

    /// The browser of a person with this role who has signed in.
    pub(crate) async fn browser(&self, role: Role) -> Browser {
        let user = self.person("Dana Whitlock", role).await;
        self.session_of(user).await
    }

    /// Another browser in which the person has signed in.
    pub(crate) async fn session_of(&self, user: UserId) -> Browser {
        let token = OpaqueToken::generate(TokenUse::Session, self.fixture.home, &*self.fixture.entropy);
        let now = self.fixture.now();
        let session = Session {
            id: self.fixture.new_id(),
            organization: self.fixture.home,
            user,
            token: token.hash(),
            level: SessionLevel::Full,
            created_at: now,
            authenticated_at: now,
            last_used_at: now,
            expires_at: now + Duration::from_secs(24 * 60 * 60),
            source_address: Some("192.0.2.7".to_owned()),
            user_agent: Some("Firefox/133 <script>alert(1)</script>".to_owned()),
        };
        self.change(CredentialChange::AddSession(session)).await;
        let cookie = format!("__Host-novantra-session={}", token.expose());
        let mut browser = Browser { cookie, ..self.stranger() };
        browser.form_token = form_value(&browser.get("/app/account").await.expect(200), "formToken");
        browser
    }

    /// The workspace.
    pub(crate) async fn home(&self) -> OrganizationRef {
        let home = self.fixture.home;
        let organization = Reader::<kernel::Organization>::get(&*self.fixture.store, home, home).await.unwrap();
        OrganizationRef::from(&organization.unwrap())
    }

    /// Creates a person who is invited, and returns the path of their link.
    pub(crate) async fn invite(&self, role: Role) -> String {
        let reason = Reason::parse("because a test says so").unwrap();
        let origin = Origin {
            request_id: Id::new(self.fixture.entropy.ulid(self.fixture.now())),
            method: None,
            route: None,
            source_address: None,
            user_agent: None,
        };
        let actor = Actor { kind: ActorKind::System, id: None, name: "test".into() };
        let author = Author::operator(Attribution { actor, origin, actor_revision: None }, &reason);
        let user = (Title::parse("Morgan Halloran").unwrap(), auth::parse_user_email(EMAIL).unwrap(), role);
        let (_, link) = self.people.create_user(&author, &self.home().await, user).await.unwrap();
        format!("/app/setup/{}", link.token.expose())
    }

    /// The code that an app with this key shows now.
    pub(crate) fn code(&self, base32: &str) -> String {
        let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let (mut bits, mut value, mut secret) = (0, 0_u64, Vec::new());
        for symbol in base32.bytes().filter(|byte| *byte != b' ') {
            value = value << 5 | alphabet.iter().position(|one| *one == symbol).unwrap() as u64;
            bits += 5;
            if bits >= 8 {
                bits -= 8;
                secret.push((value >> bits & 0xff) as u8);
            }
        }
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &secret);
        let tag = hmac::sign(&key, &(self.fixture.now().seconds() / 30).to_be_bytes());
        let offset = usize::from(tag.as_ref()[19] & 15);
        let number = u32::from_be_bytes(tag.as_ref()[offset..offset + 4].try_into().unwrap()) & 0x7fff_ffff;
        format!("{:06}", number % 1_000_000)
    }

    /// A valid access token of a program with all scopes.
    pub(crate) async fn access_token(&self) -> String {
        let scopes = Scope::ALL.iter().copied().collect();
        let account = auth::ServiceAccount { scopes, ..samples::account("scanner") };
        let account = self.fixture.create(self.fixture.home, account).await;
        let now = self.fixture.now();
        let claims = Claims {
            account: account.meta.id,
            organization: self.fixture.home,
            scopes,
            issued_at: now,
            expires_at: now + Duration::from_secs(600),
            id: "test".to_owned(),
        };
        self.tokens.sign(&claims).unwrap()
    }
}

/// The value of the first field of a page with this name.
#[track_caller]
pub(crate) fn form_value(page: &Page, name: &str) -> String {
    let html = page.html();
    let (_, rest) = html.split_once(&format!("name=\"{name}\" value=\"")).unwrap_or_else(|| panic!("{html}"));
    rest.split('"').next().unwrap().to_owned()
}

impl Browser {
    /// Sends a request with the access token of a program, and no session.
    pub(crate) async fn with_bearer(&self, path: &str, method: &Method, token: &str) -> Page {
        self.send_with(
            path,
            method,
            &[("authorization", format!("Bearer {token}")), ("sec-fetch-site", "same-origin".to_owned())],
        )
        .await
    }

    /// Sends an empty form with the right token, as a browser on this site does.
    pub(crate) async fn post_from(&self, path: &str, site: Option<&str>) -> Page {
        let site: Vec<(&str, String)> = site.into_iter().map(|site| ("sec-fetch-site", site.to_owned())).collect();
        self.send_with(path, &Method::POST, &site).await
    }

    async fn send_with(&self, path: &str, method: &Method, headers: &[(&str, String)]) -> Page {
        let body = format!("formToken={}", self.form_token);
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "novantra.test")
            .header("cookie", &self.cookie)
            .header("content-type", "application/x-www-form-urlencoded");
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let body = if method == Method::GET { Body::empty() } else { Body::from(body) };
        let response = self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Page { status: parts.status.as_u16(), headers: parts.headers, body }
    }
}
