//! An OpenID Connect provider that tests script, and the use cases with it.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use auth::{
    GroupRoles, IdentityProvider, IssuedLink, OpenIdFlow, OpenIdRefusal, OpenIdRules, ProviderPerson, Role, StoredUser,
    parse_user_email,
};
use crypto::{MasterKey, OpenIdFlowCipher};
use novantra_people::{BegunSession, Client, OpenIdAnswer, OpenIdConnect, OpenIdOutcome, OpenIdSettings};

use crate::harness::{EMAIL, Harness};

pub(crate) const ISSUER: &str = "https://login.brackwater.example";

/// A provider whose next answer is set.
pub(crate) struct ScriptedProvider(pub(crate) Mutex<Result<ProviderPerson, OpenIdRefusal>>);

#[async_trait]
impl IdentityProvider for ScriptedProvider {
    fn issuer(&self) -> &str {
        ISSUER
    }

    async fn authorization_url(&self, flow: &OpenIdFlow) -> Result<String, OpenIdRefusal> {
        Ok(format!("{ISSUER}/authorize?state={}", flow.state))
    }

    async fn redeem(&self, _: &str, _: Option<&str>, _: &OpenIdFlow) -> Result<ProviderPerson, OpenIdRefusal> {
        self.0.lock().unwrap().clone()
    }
}

pub(crate) fn person(groups: &[&str]) -> ProviderPerson {
    ProviderPerson {
        issuer: ISSUER.to_owned(),
        subject: "248289761001".to_owned(),
        email: Some(EMAIL.to_owned()),
        is_email_verified: true,
        name: Some("Morgan Halloran".to_owned()),
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        acr: None,
        amr: Vec::new(),
        authenticated_at: None,
    }
}

pub(crate) fn settings() -> OpenIdSettings {
    let mapping = vec![("admins".to_owned(), Role::Admin), ("leads".to_owned(), Role::Lead)];
    OpenIdSettings {
        label: "Sign in".to_owned(),
        workspace: None,
        allows_passwords: true,
        rules: OpenIdRules { roles: GroupRoles { mapping, default: None }, ..OpenIdRules::default() },
    }
}

pub(crate) struct OpenId {
    pub(crate) harness: Harness,
    pub(crate) provider: Arc<ScriptedProvider>,
    pub(crate) flows: Arc<OpenIdFlowCipher>,
}

impl OpenId {
    pub(crate) async fn open(settings: OpenIdSettings) -> Self {
        let mut harness = Harness::open().await;
        let provider = Arc::new(ScriptedProvider(Mutex::new(Err(OpenIdRefusal::CodeRefused))));
        let flows = Arc::new(OpenIdFlowCipher::new(&MasterKey::generate(&*harness.fixture.entropy)));
        harness.people = harness.people.with_openid(OpenIdConnect {
            provider: Arc::clone(&provider) as _,
            flows: Arc::clone(&flows) as _,
            settings,
        });
        Self { harness, provider, flows }
    }

    pub(crate) fn answer_with(&self, answer: Result<ProviderPerson, OpenIdRefusal>) {
        *self.provider.0.lock().unwrap() = answer;
    }

    /// Completes a sign-in that has just begun with this answer; its state is filled in.
    pub(crate) async fn complete(&self, answer: OpenIdAnswer<'_>) -> OpenIdOutcome {
        self.complete_on(answer, &self.harness.client("192.0.2.1")).await
    }

    /// The same in the browser of this client.
    pub(crate) async fn complete_on(&self, answer: OpenIdAnswer<'_>, client: &Client) -> OpenIdOutcome {
        let begun = self.harness.people.begin_openid("/app/risks", false).await.unwrap();
        let state = begun.url.rsplit_once('=').unwrap().1;
        let answer = OpenIdAnswer { state, ..answer };
        self.harness.people.complete_openid(answer, Some(&begun.cookie), client).await.unwrap()
    }

    pub(crate) async fn sign_in(&self, person: ProviderPerson) -> Result<BegunSession, OpenIdRefusal> {
        self.answer_with(Ok(person));
        match self.complete(OpenIdAnswer { code: Some("code"), ..OpenIdAnswer::default() }).await {
            OpenIdOutcome::Begun(begun, next) => {
                assert_eq!(next, "/app/risks");
                Ok(*begun)
            }
            OpenIdOutcome::Refused(refusal) => Err(refusal),
        }
    }

    pub(crate) async fn user(&self) -> StoredUser {
        let email = parse_user_email(EMAIL).unwrap();
        self.harness.people.user_by_email(self.harness.home.id, &email).await.unwrap()
    }

    pub(crate) async fn invite(&self, role: Role) -> (StoredUser, IssuedLink) {
        let (name, email) = (kernel::Title::parse("Morgan").unwrap(), parse_user_email(EMAIL).unwrap());
        let Harness { people, home, .. } = &self.harness;
        people.create_user(&self.harness.operator(), home, (name, email, role)).await.unwrap()
    }
}

pub(crate) fn refusal(outcome: OpenIdOutcome) -> OpenIdRefusal {
    match outcome {
        OpenIdOutcome::Refused(refusal) => refusal,
        OpenIdOutcome::Begun(begun, _) => panic!("a session has begun: {:?}", begun.session.session),
    }
}
