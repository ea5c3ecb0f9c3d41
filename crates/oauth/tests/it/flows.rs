//! Codes, refresh tokens and revocation over a store.

use kernel::{Id, Timestamp, Ulid};
use oauth::{
    AccessTokenClaims, AuthorizationCode, ClientId, ClientKind, CodeChallenge, CodeVerifier, EndReason, ExchangeError,
    Flows, Grant, GrantType, IdTokenAlgorithm, IdTokenClaims, Issued, OAuthClient, OAuthErrorCode, OAuthStore as _,
    ScopeNames, StoredCode, token_response,
};
use serde_json::json;

use crate::{
    memory::Memory,
    support::{CALLBACK, CATALOGUE, CHALLENGE, CLIENT, Counter, ISSUER, ORGANIZATION, VERIFIER, at, client, form, run},
};

const DAYS: u64 = 24 * 60 * 60;

struct World {
    store: Memory,
    entropy: Counter,
    client: OAuthClient,
    code: AuthorizationCode,
}

fn scopes(text: &str) -> ScopeNames {
    ScopeNames::parse(text, &CATALOGUE).unwrap()
}

impl World {
    fn new(granted: &str) -> Self {
        let (store, entropy) = (Memory::default(), Counter::default());
        let code = AuthorizationCode::generate(&entropy);
        let pairs = [("code_challenge", CHALLENGE), ("code_challenge_method", "S256")];
        let stored = StoredCode {
            hash: code.hash(),
            grant: Id::new(Ulid(5)),
            organization: ORGANIZATION,
            user: Id::new(Ulid(3)),
            session: Id::new(Ulid(4)),
            client: CLIENT,
            redirect_uri: CALLBACK.to_owned(),
            challenge: CodeChallenge::read(&form(&pairs, &[])).unwrap(),
            scopes: scopes(granted),
            nonce: Some("n".to_owned()),
            authenticated_at: at(0),
            expires_at: at(0) + oauth::CODE_LIFETIME,
            used_at: None,
        };
        run(store.insert_code(stored)).unwrap();
        Self { store, entropy, client: client(ClientKind::Public), code }
    }

    fn flows(&self) -> Flows<'_> {
        Flows { store: &self.store, entropy: &self.entropy }
    }

    fn exchange(&self, uri: &str, verifier: &str, now: Timestamp) -> Result<Issued, ExchangeError> {
        let verifier = CodeVerifier::parse(verifier).unwrap();
        run(self.flows().use_code(&self.client, self.code.expose(), uri, &verifier, now))
    }

    fn issue(&self) -> Issued {
        self.exchange(CALLBACK, VERIFIER, at(1)).unwrap()
    }

    fn first_refresh(&self) -> String {
        self.issue().refresh_token.unwrap().expose().to_owned()
    }

    fn refresh(&self, token: &str, now: Timestamp) -> Result<String, ExchangeError> {
        let held = |_: &Grant| scopes("compute");
        let issued = run(self.flows().refresh(&self.client, token, None, held, now))?;
        Ok(issued.refresh_token.unwrap().expose().to_owned())
    }

    fn ended(&self) -> Option<EndReason> {
        run(self.store.grant(ORGANIZATION, Id::new(Ulid(5)))).unwrap()?.ended.map(|(_, reason)| reason)
    }
}

fn refused<T>(result: Result<T, ExchangeError>) -> Option<OAuthErrorCode> {
    match result {
        Err(ExchangeError::Refused(error)) => Some(error.code),
        _ => None,
    }
}

const INVALID_GRANT: Option<OAuthErrorCode> = Some(OAuthErrorCode::InvalidGrant);

#[test]
fn a_code_gives_tokens_with_the_claims_of_the_contract() {
    let world = World::new("openid compute:read offline_access");
    let issued = world.issue();
    let access = AccessTokenClaims::new(&issued, ISSUER, &world.entropy, at(1));
    assert_eq!(
        access.value(),
        &json!({
            "iss": ISSUER, "aud": "https://n.example/v2", "sub": issued.grant.user.to_string(),
            "client_id": CLIENT.to_string(), "org": ORGANIZATION.to_string(), "grant": issued.grant.id.to_string(),
            "scope": "compute:read offline_access openid", "iat": 1_700_000_001, "exp": 1_700_000_901,
            "jti": Ulid(7).to_string(),
        })
    );
    let code = issued.code.as_ref().unwrap();
    let id = IdTokenClaims::new(code, ISSUER, "token", IdTokenAlgorithm::Rs256, at(1));
    assert_eq!(
        id.value(),
        &json!({
            "iss": ISSUER, "sub": issued.grant.user.to_string(), "aud": CLIENT.to_string(), "exp": 1_700_000_301,
            "iat": 1_700_000_001, "auth_time": 1_700_000_000, "nonce": "n", "org": ORGANIZATION.to_string(),
            "at_hash": oauth::at_hash("token", IdTokenAlgorithm::Rs256), "sid": code.session.to_string(),
        })
    );
    let body = token_response(&issued, "a", Some("i"));
    assert_eq!(
        body,
        json!({
            "access_token": "a", "token_type": "Bearer", "expires_in": 900, "id_token": "i",
            "scope": "compute:read offline_access openid", "refresh_token": issued.refresh_token.unwrap().expose(),
        })
    );
}

#[test]
fn there_is_no_refresh_token_without_offline_access_or_registration() {
    assert!(World::new("compute").issue().refresh_token.is_none());
    let mut world = World::new("compute offline_access");
    world.client.grant_types = vec![GrantType::AuthorizationCode];
    assert!(world.issue().refresh_token.is_none());
    world.client.grant_types.clear();
    assert_eq!(refused(world.exchange(CALLBACK, VERIFIER, at(1))), Some(OAuthErrorCode::UnauthorizedClient));
}

#[test]
fn a_code_is_bound_to_its_time_client_redirect_uri_and_verifier() {
    let mut world = World::new("compute");
    assert_eq!(refused(world.exchange(CALLBACK, VERIFIER, at(60))), INVALID_GRANT);
    assert_eq!(refused(world.exchange("https://app.example/other", VERIFIER, at(1))), INVALID_GRANT);
    assert_eq!(refused(world.exchange(CALLBACK, &"a".repeat(43), at(1))), INVALID_GRANT);
    world.client.id = ClientId(Ulid(1));
    assert_eq!(refused(world.exchange(CALLBACK, VERIFIER, at(1))), INVALID_GRANT);
    world.client.id = CLIENT;
    assert!(world.exchange(CALLBACK, VERIFIER, at(59)).is_ok());
}

#[test]
fn a_second_use_of_a_code_ends_the_grant_of_the_first() {
    let world = World::new("compute offline_access");
    let token = world.first_refresh();
    let second = world.exchange("https://wrong.example", VERIFIER, at(100));
    assert!(matches!(second, Err(ExchangeError::Reused(_, EndReason::CodeReused))));
    assert_eq!(world.ended(), Some(EndReason::CodeReused));
    assert_eq!(refused(world.refresh(&token, at(101))), INVALID_GRANT);
}

#[test]
fn of_two_racing_uses_of_a_code_the_later_ends_the_grant() {
    let world = World::new("compute");
    let grant = World::new("compute").issue().grant;
    let hash = world.code.hash();
    world.store.0.lock().unwrap().rival = Some(Box::new(move |tables| {
        tables.codes.get_mut(&hash).unwrap().used_at = Some(at(1));
        tables.grants.insert(grant.id, grant);
    }));
    assert!(matches!(world.exchange(CALLBACK, VERIFIER, at(1)), Err(ExchangeError::Reused(..))));
    assert_eq!(world.ended(), Some(EndReason::CodeReused));
}

#[test]
fn a_replaced_refresh_token_ends_the_grant() {
    let world = World::new("compute offline_access");
    let first = world.first_refresh();
    let second = world.refresh(&first, at(10)).unwrap();
    assert!(matches!(world.refresh(&first, at(20)), Err(ExchangeError::Reused(_, EndReason::RefreshReused))));
    assert_eq!(
        (world.ended(), refused(world.refresh(&second, at(21)))),
        (Some(EndReason::RefreshReused), INVALID_GRANT)
    );
}

#[test]
fn a_lost_answer_can_be_repeated_within_ten_seconds_while_its_successor_is_unused() {
    let world = World::new("compute offline_access");
    let first = world.first_refresh();
    let lost = world.refresh(&first, at(10)).unwrap();
    let second = world.refresh(&first, at(19)).unwrap();
    assert_ne!(lost, second);
    let third = world.refresh(&second, at(19)).unwrap();
    assert_eq!(world.ended(), None);
    assert!(world.refresh(&first, at(19)).is_err() && world.ended().is_some());
    assert!(world.refresh(&third, at(19)).is_err());
}

#[test]
fn the_successor_of_a_lost_answer_counts_as_replaced_and_a_retry_does_not_extend_the_time() {
    let world = World::new("compute offline_access");
    let first = world.first_refresh();
    let lost = world.refresh(&first, at(10)).unwrap();
    world.refresh(&first, at(15)).unwrap();
    assert!(matches!(world.refresh(&lost, at(16)), Err(ExchangeError::Reused(..))));
    let world = World::new("compute offline_access");
    let first = world.first_refresh();
    world.refresh(&first, at(10)).unwrap();
    world.refresh(&first, at(15)).unwrap();
    assert!(matches!(world.refresh(&first, at(20)), Err(ExchangeError::Reused(..))));
}

#[test]
fn refresh_tokens_last_14_days_unused_and_30_in_all() {
    let world = World::new("compute offline_access");
    let token = world.first_refresh();
    assert_eq!(refused(world.refresh(&token, at(1 + 14 * DAYS))), INVALID_GRANT);
    let token = world.refresh(&token, at(14 * DAYS)).unwrap();
    let token = world.refresh(&token, at(27 * DAYS)).unwrap();
    assert_eq!(refused(world.refresh(&token, at(1 + 30 * DAYS))), INVALID_GRANT);
    assert!(world.refresh(&token, at(30 * DAYS)).is_ok());
}

#[test]
fn a_refresh_can_narrow_its_scopes_and_not_widen_them() {
    let mut world = World::new("compute:read compute:write offline_access");
    let token = world.first_refresh();
    let refresh = |world: &World, scope: &str, held: &'static str| {
        run(world.flows().refresh(&world.client, &token, Some(&scopes(scope)), |_| scopes(held), at(2)))
    };
    assert_eq!(refused(refresh(&world, "data:query", "compute data:query")), Some(OAuthErrorCode::InvalidScope));
    assert_eq!(refused(refresh(&world, "compute:read", "data:query")), Some(OAuthErrorCode::InvalidScope));
    let issued = refresh(&world, "compute:read", "compute").unwrap();
    assert_eq!((issued.scopes, issued.code), (scopes("compute:read"), None));
    world.client.grant_types = vec![GrantType::AuthorizationCode];
    assert_eq!(refused(refresh(&world, "compute:read", "compute")), Some(OAuthErrorCode::UnauthorizedClient));
}

#[test]
fn another_client_can_neither_use_nor_revoke_a_refresh_token() {
    let mut world = World::new("compute offline_access");
    let token = world.first_refresh();
    world.client.id = ClientId(Ulid(1));
    assert_eq!(refused(world.refresh(&token, at(2))), INVALID_GRANT);
    assert_eq!(run(world.flows().revoke_refresh_token(&world.client, &token, at(2))).unwrap(), None);
    assert_eq!(world.ended(), None);
}

#[test]
fn a_lost_race_for_a_refresh_token_is_a_retry() {
    let world = World::new("compute offline_access");
    let first = world.first_refresh();
    let hash = oauth::RefreshToken::parse(&first).unwrap().hash();
    let winner = oauth::RefreshToken::generate(&world.entropy);
    world.store.0.lock().unwrap().rival = Some(Box::new(move |tables| {
        let grant = tables.grants.get_mut(&Id::new(Ulid(5))).unwrap();
        let state = oauth::RefreshState { current: winner.hash(), predecessor: Some(hash), rotated_at: at(2) };
        grant.refresh = Some(state);
    }));
    assert!(world.refresh(&first, at(2)).is_ok());
    assert_eq!(world.ended(), None);
}

#[test]
fn revoking_a_token_ends_the_whole_grant_and_an_unknown_one_is_no_error() {
    let world = World::new("compute offline_access");
    let token = world.first_refresh();
    let revoke = |token: &str| run(world.flows().revoke_refresh_token(&world.client, token, at(2))).unwrap();
    assert_eq!((revoke("nonsense"), world.ended()), (None, None));
    assert!(revoke(&token).is_some() && revoke(&token).is_none());
    assert_eq!((world.ended(), refused(world.refresh(&token, at(3)))), (Some(EndReason::Revoked), INVALID_GRANT));
    let world = World::new("compute");
    let id = world.issue().grant.id;
    let revoke = |organization| run(world.flows().revoke_grant(&world.client, organization, id, at(2))).unwrap();
    assert!(revoke(Id::new(Ulid(77))).is_none() && world.ended().is_none());
    assert!(revoke(ORGANIZATION).is_some() && world.ended().is_some());
}
