//! Sign-in by OpenID Connect.

use auth::{
    CredentialsFingerprint, OpenIdAccount, OpenIdFlow, OpenIdRefusal, OpenIdRules, ProviderPerson, SameEmail,
    StoredUser, signed_in_by_provider, user_actor,
};
use kernel::{Actor, ActorKind, Attribution, OrganizationRef};

use crate::{
    attempts::Step,
    author::Client,
    error::PeopleError,
    openid_settings::{OpenIdConnect, OpenIdSettings},
    people::{MAX_ATTEMPTS, People},
    refusals::SignInRefusal,
    sign_in::BegunSession,
};

/// A sign-in that was begun.
#[derive(Debug)]
pub struct BegunOpenId {
    /// The address at the provider to send the browser to.
    pub url: String,
    /// The cookie that keeps the sign-in.
    pub cookie: String,
}

/// The answer of the provider, as the browser brings it.
#[derive(Clone, Copy, Debug, Default)]
pub struct OpenIdAnswer<'a> {
    /// The state.
    pub state: &'a str,
    /// The code, if the provider has accepted the person.
    pub code: Option<&'a str>,
    /// The error, if it has not.
    pub error: Option<&'a str>,
    /// The issuer.
    pub issuer: Option<&'a str>,
}

/// The outcome of a sign-in by the provider.
#[derive(Debug)]
pub enum OpenIdOutcome {
    /// A session has begun; the page to go to comes with it.
    Begun(Box<BegunSession>, String),
    /// The person is refused. It is in the audit log already.
    Refused(OpenIdRefusal),
}

impl People {
    /// Returns the use cases with a provider by which people sign in.
    #[must_use]
    pub fn with_openid(self, openid: OpenIdConnect) -> Self {
        Self { openid: Some(openid), ..self }
    }

    /// The settings of sign-in by OpenID Connect, if there is a provider.
    #[must_use]
    pub fn openid(&self) -> Option<&OpenIdSettings> {
        self.openid.as_ref().map(|openid| &openid.settings)
    }

    /// Returns the workspace whose people sign in by the provider, if there is one.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn openid_workspace(&self) -> Result<Option<OrganizationRef>, PeopleError> {
        let Some(settings) = self.openid() else { return Ok(None) };
        let found = match &settings.workspace {
            Some(slug) => self.parts.store.organization(slug).await?,
            None => match self.parts.store.organizations().await?.as_slice() {
                [only] => Some(only.clone()),
                _ => None,
            },
        };
        Ok(found.as_ref().map(OrganizationRef::from))
    }

    /// Whether people of the organization sign in by the provider only, so neither a password nor a passkey is accepted.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn refuses_passwords(&self, organization: &OrganizationRef) -> Result<bool, PeopleError> {
        if self.openid().is_none_or(|settings| settings.allows_passwords) {
            return Ok(false);
        }
        Ok(self.openid_workspace().await?.is_some_and(|workspace| workspace.id == organization.id))
    }

    /// Begins a sign-in, after which the browser goes to the page `next`. With `is_again`, the person must prove themselves
    /// at the provider even if they are signed in there.
    ///
    /// # Errors
    /// [`OpenIdRefusal::NotSetUp`], [`OpenIdRefusal::ProviderUnavailable`].
    pub async fn begin_openid(&self, next: &str, is_again: bool) -> Result<BegunOpenId, OpenIdRefusal> {
        let openid = self.openid.as_ref().ok_or(OpenIdRefusal::NotSetUp)?;
        let flow = OpenIdFlow::begin(&*self.parts.entropy, next.to_owned(), is_again, self.now());
        let url = openid.provider.authorization_url(&flow).await?;
        Ok(BegunOpenId { url, cookie: openid.flows.encrypt(&*self.parts.entropy, &flow) })
    }

    /// Completes a sign-in by the answer of the provider and the cookie of the browser.
    ///
    /// # Errors
    /// [`PeopleError::Contended`], or the store fails.
    pub async fn complete_openid(
        &self,
        answer: OpenIdAnswer<'_>,
        cookie: Option<&str>,
        client: &Client,
    ) -> Result<OpenIdOutcome, PeopleError> {
        let Some(openid) = &self.openid else { return Ok(OpenIdOutcome::Refused(OpenIdRefusal::NotSetUp)) };
        let organization = self.openid_workspace().await?;
        let refused = async |refusal: OpenIdRefusal, user: Option<&StoredUser>| {
            self.log_refusal(refusal, organization.clone(), user, client).await?;
            Ok(OpenIdOutcome::Refused(refusal))
        };
        let flow = match self.flow_of(openid, answer, cookie) {
            Ok(flow) => flow,
            Err(refusal) => return refused(refusal, None).await,
        };
        let Some(organization) = &organization else { return refused(OpenIdRefusal::NoWorkspace, None).await };
        let attempt = match self.begin_attempt(Step::OpenId, client).await {
            Err(PeopleError::TooManyAttempts { retry_after }) => {
                return refused(OpenIdRefusal::TooManyAttempts { retry_after }, None).await;
            }
            attempt => attempt?,
        };
        let person = match self.redeem(openid, answer, &flow).await {
            Ok(person) => person,
            Err(refusal) => {
                if refusal.is_temporary() {
                    self.refund(&attempt);
                }
                return refused(refusal, None).await;
            }
        };
        // The provider has accepted the person, so this was no guess, whatever becomes of it here.
        self.refund(&attempt);
        match self.sign_in_person(openid, organization, &person, client).await? {
            Ok(begun) => Ok(OpenIdOutcome::Begun(Box::new(begun), flow.next)),
            Err((refusal, user)) => refused(refusal, user.as_ref()).await,
        }
    }

    /// The sign-in that the cookie keeps, if the answer belongs to it.
    fn flow_of(
        &self,
        openid: &OpenIdConnect,
        answer: OpenIdAnswer<'_>,
        cookie: Option<&str>,
    ) -> Result<OpenIdFlow, OpenIdRefusal> {
        let flow = cookie.and_then(|cookie| openid.flows.decrypt(cookie)).ok_or(OpenIdRefusal::NotBegun)?;
        flow.check(answer.state, self.now())?;
        Ok(flow)
    }

    async fn redeem(
        &self,
        openid: &OpenIdConnect,
        answer: OpenIdAnswer<'_>,
        flow: &OpenIdFlow,
    ) -> Result<ProviderPerson, OpenIdRefusal> {
        if answer.issuer.is_some_and(|issuer| issuer != openid.provider.issuer()) {
            return Err(OpenIdRefusal::MalformedAnswer);
        }
        let code = match (answer.error, answer.code) {
            (Some("access_denied"), _) => return Err(OpenIdRefusal::AccessDenied),
            (Some("temporarily_unavailable" | "server_error"), _) => return Err(OpenIdRefusal::ProviderUnavailable),
            (Some(_), _) => return Err(OpenIdRefusal::ProviderError),
            (None, Some(code)) if !code.is_empty() => code,
            (None, _) => return Err(OpenIdRefusal::MalformedAnswer),
        };
        let person = openid.provider.redeem(code, answer.issuer, flow).await?;
        openid.settings.rules.check_authentication(&person, flow)?;
        Ok(person)
    }

    async fn sign_in_person(
        &self,
        openid: &OpenIdConnect,
        organization: &OrganizationRef,
        person: &ProviderPerson,
        client: &Client,
    ) -> Result<Result<BegunSession, (OpenIdRefusal, Option<StoredUser>)>, PeopleError> {
        let rules = &openid.settings.rules;
        let browser = client.browser();
        for _ in 0..MAX_ATTEMPTS {
            let (linked, same_email) = self.find_user_of(organization, person, rules).await?;
            let named = linked.clone().or_else(|| same_email.as_ref().map(|same| same.user.clone()));
            let account = match OpenIdAccount::find(linked, || rules.email_of(person), same_email) {
                Ok(account) => account,
                Err(refusal) => return Ok(Err((refusal, named))),
            };
            let Some(role) = rules.roles.role_of(&person.groups, account.role()) else {
                return Ok(Err((OpenIdRefusal::NoRole, named)));
            };
            let sessions = match &named {
                Some(user) => self.parts.store.sessions(organization.id, user.meta.id).await?,
                None => Vec::new(),
            };
            let actor = named.as_ref().map_or_else(|| new_person(person), user_actor);
            // The provider proves who they are; the record is checked by its revision.
            let attribution = Attribution { actor, origin: client.origin.clone(), actor_revision: None };
            let context = self.context(organization, &attribution, None);
            let sign_in = auth::SignInContext { sessions, ..self.sign_in_context(&browser) };
            let timestamp = self.parts.store.begin_write();
            let credentials = match &named {
                Some(user) => self.parts.store.credentials(organization.id, user.meta.id).await?,
                None => None,
            };
            let fingerprint = CredentialsFingerprint::of(credentials.as_ref());
            let (change, user, session) = signed_in_by_provider(&context, timestamp, &account, person, role, sign_in);
            if self.commit(change).await? {
                return Ok(Ok(self.begun(session, user, fingerprint, client)));
            }
        }
        Err(PeopleError::Contended)
    }

    /// Finds the user whom the identity is linked with, otherwise the one who has the email address.
    async fn find_user_of(
        &self,
        organization: &OrganizationRef,
        person: &ProviderPerson,
        rules: &OpenIdRules,
    ) -> Result<(Option<StoredUser>, Option<SameEmail>), PeopleError> {
        let store = &self.parts.store;
        let identity = store.identity(organization.id, &person.issuer, &person.subject).await?;
        if let Some(identity) = identity {
            return Ok((Some(self.user(organization.id, identity.user).await?), None));
        }
        let Ok(email) = rules.email_of(person) else { return Ok((None, None)) };
        let user = match self.user_by_email(organization.id, &email).await {
            Err(PeopleError::NotFound) => return Ok((None, None)),
            found => found?,
        };
        let has_password = store.credentials(organization.id, user.meta.id).await?.is_some();
        let has_identity = !store.identities(organization.id, user.meta.id).await?.is_empty();
        Ok((None, Some(SameEmail { user, has_password, has_identity })))
    }

    async fn log_refusal(
        &self,
        refusal: OpenIdRefusal,
        organization: Option<OrganizationRef>,
        user: Option<&StoredUser>,
        client: &Client,
    ) -> Result<(), PeopleError> {
        let retry_after = match refusal {
            OpenIdRefusal::TooManyAttempts { retry_after } => Some(retry_after),
            _ => None,
        };
        let refused = SignInRefusal { organization, user: user.map(|user| user.meta.id), retry_after };
        Ok(self.record_refusal(&refused, client).await?)
    }
}

/// The actor of the entries by which a person becomes a user.
fn new_person(person: &ProviderPerson) -> Actor {
    let name = person.name.as_deref().or(person.email.as_deref()).unwrap_or(&person.subject);
    let name: String = name.chars().filter(|character| !character.is_control()).take(300).collect();
    Actor { kind: ActorKind::User, id: None, name: name.into() }
}
