//! A provider on a free port of this machine. Tests edit what it says.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use auth::OpenIdFlow;
use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _},
};
use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use delivery::Roots;
use kernel::Clock as _;
use novantra_openid::{OpenIdProvider, ProviderSettings};
use serde_json::{Value, json};
use store_contract::TestClock;

pub(crate) const CLIENT: &str = "novantra";
pub(crate) const REDIRECT: &str = "https://grc.example.org/app/sign-in/openid/callback";
pub(crate) const CODE: &str = "SplxlOBeZQQYbYS6WxSbIA";
pub(crate) const ACCESS_TOKEN: &str = "SlAV32hkKG";

/// A key pair that signs tokens.
pub(crate) enum Pair {
    Ed25519(Ed25519KeyPair),
    P256(EcdsaKeyPair),
}

impl Pair {
    pub(crate) fn ed25519() -> Self {
        Self::Ed25519(Ed25519KeyPair::generate().unwrap())
    }

    pub(crate) fn p256() -> Self {
        Self::P256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    pub(crate) fn jwk(&self, id: &str) -> Value {
        match self {
            Self::Ed25519(pair) => {
                let x = URL_SAFE_NO_PAD.encode(pair.public_key());
                json!({ "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": id, "x": x })
            }
            Self::P256(pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                let [x, y] = [x, y].map(|half| URL_SAFE_NO_PAD.encode(half));
                json!({ "kty": "EC", "crv": "P-256", "kid": id, "x": x, "y": y })
            }
        }
    }

    fn algorithm(&self) -> &'static str {
        match self {
            Self::Ed25519(_) => "EdDSA",
            Self::P256(_) => "ES256",
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
            Self::P256(pair) => pair.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec(),
        }
    }
}

/// The answers of the provider.
pub(crate) struct Script {
    pub(crate) pair: Pair,
    pub(crate) keys: Value,
    pub(crate) metadata: Value,
    /// Members that are set in the header, and in the claims, of the next token; null removes one.
    pub(crate) header: Value,
    pub(crate) claims: Value,
    /// The token, if it is not made of the above.
    pub(crate) token: Option<String>,
    pub(crate) user_info: Value,
    /// The answer of the token endpoint, if it is not a success.
    pub(crate) token_answer: Option<(StatusCode, &'static str)>,
    /// An answer to every request, before all else.
    pub(crate) answer: Option<Box<dyn Fn() -> Response + Send>>,
    /// The paths that were asked for.
    pub(crate) asked: Vec<String>,
    /// The last form and header of the token endpoint.
    pub(crate) form: BTreeMap<String, String>,
    pub(crate) authorization: Option<String>,
    /// The nonce of the sign-in that was begun last.
    pub(crate) nonce: String,
}

#[derive(Clone)]
pub(crate) struct FakeProvider {
    pub(crate) issuer: String,
    pub(crate) clock: Arc<TestClock>,
    script: Arc<Mutex<Script>>,
}

impl FakeProvider {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}/realms/staff", listener.local_addr().unwrap());
        let pair = Pair::ed25519();
        let script = Script {
            keys: json!({ "keys": [pair.jwk("one")] }),
            pair,
            metadata: json!({
                "issuer": issuer,
                "authorization_endpoint": format!("{issuer}/authorize?tenant=7"),
                "token_endpoint": format!("{issuer}/token"),
                "userinfo_endpoint": format!("{issuer}/me"),
                "jwks_uri": format!("{issuer}/keys"),
            }),
            header: json!({}),
            claims: json!({}),
            token: None,
            user_info: json!({ "sub": "248289761001", "email": "m@b.example", "email_verified": true, "groups": ["a"] }),
            token_answer: None,
            answer: None,
            asked: Vec::new(),
            form: BTreeMap::new(),
            authorization: None,
            nonce: String::new(),
        };
        let clock = Arc::new(TestClock::default());
        let provider = Self { issuer, clock, script: Arc::new(Mutex::new(script)) };
        let router = Router::new()
            .route("/realms/staff/.well-known/openid-configuration", get(async |state| reply(state, "metadata")))
            .route("/realms/staff/keys", get(async |state| reply(state, "keys")))
            .route("/realms/staff/me", get(async |state, headers| user_info(state, headers)))
            .route("/realms/staff/token", post(token))
            .with_state(provider.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        provider
    }

    pub(crate) fn edit<T>(&self, edit: impl FnOnce(&mut Script) -> T) -> T {
        edit(&mut self.script.lock().unwrap())
    }

    /// How often a path was asked for.
    pub(crate) fn asked(&self, path: &str) -> usize {
        self.edit(|script| script.asked.iter().filter(|asked| *asked == path).count())
    }

    pub(crate) fn settings(&self) -> ProviderSettings {
        ProviderSettings {
            issuer: self.issuer.clone(),
            client_id: CLIENT.to_owned(),
            client_secret: Some("se cret".to_owned().into()),
            scopes: vec!["email".to_owned(), "groups".to_owned()],
            groups_claim: "groups".to_owned(),
            acr_values: Vec::new(),
            redirect_uri: REDIRECT.to_owned(),
        }
    }

    pub(crate) fn client(&self) -> OpenIdProvider {
        self.client_with(self.settings())
    }

    pub(crate) fn client_with(&self, settings: ProviderSettings) -> OpenIdProvider {
        OpenIdProvider::new(settings, Roots::System, Arc::clone(&self.clock) as _)
    }

    /// A sign-in that was begun.
    pub(crate) fn flow(&self) -> OpenIdFlow {
        let flow = OpenIdFlow {
            state: "af0ifjsldkj".to_owned(),
            nonce: "n-0S6_WzA2Mj".to_owned(),
            verifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".to_owned(),
            next: "/app".to_owned(),
            started_at: self.clock.now(),
            is_again: false,
        };
        self.edit(|script| script.nonce.clone_from(&flow.nonce));
        flow
    }

    fn id_token(&self, script: &Script) -> String {
        if let Some(token) = &script.token {
            return token.clone();
        }
        let now = self.clock.now().seconds();
        let mut header = json!({ "alg": script.pair.algorithm(), "kid": "one", "typ": "JWT" });
        let mut claims = json!({
            "iss": self.issuer, "sub": "248289761001", "aud": CLIENT, "nonce": script.nonce,
            "iat": now, "exp": now + 300, "email": "m@b.example", "email_verified": true, "groups": ["staff"],
        });
        merge(&mut header, &script.header);
        merge(&mut claims, &script.claims);
        signed(&script.pair, &header, &claims)
    }
}

/// A token with this header and these claims.
pub(crate) fn signed(pair: &Pair, header: &Value, claims: &Value) -> String {
    let message = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
    let signature = URL_SAFE_NO_PAD.encode(pair.sign(message.as_bytes()));
    format!("{message}.{signature}")
}

fn merge(into: &mut Value, edits: &Value) {
    for (name, value) in edits.as_object().unwrap() {
        match value {
            Value::Null => drop(into.as_object_mut().unwrap().remove(name)),
            value => into[name] = value.clone(),
        }
    }
}

fn json_response(status: StatusCode, document: &str) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], document.to_owned()).into_response()
}

fn reply(State(provider): State<FakeProvider>, what: &str) -> Response {
    provider.edit(|script| {
        script.asked.push(what.to_owned());
        if let Some(answer) = &script.answer {
            return answer();
        }
        let document = if what == "keys" { &script.keys } else { &script.metadata };
        json_response(StatusCode::OK, &document.to_string())
    })
}

fn user_info(State(provider): State<FakeProvider>, headers: HeaderMap) -> Response {
    provider.edit(|script| {
        script.asked.push("user info".to_owned());
        if headers.get(header::AUTHORIZATION).unwrap() != &format!("Bearer {ACCESS_TOKEN}") {
            return StatusCode::UNAUTHORIZED.into_response();
        }
        json_response(StatusCode::OK, &script.user_info.to_string())
    })
}

async fn token(State(provider): State<FakeProvider>, headers: HeaderMap, body: Bytes) -> Response {
    provider.edit(|script| {
        script.asked.push("token".to_owned());
        if let Some(answer) = &script.answer {
            return answer();
        }
        script.form = form_urlencoded::parse(&body).into_owned().collect();
        script.authorization = headers.get(header::AUTHORIZATION).map(|value| value.to_str().unwrap().to_owned());
        if let Some((status, body)) = script.token_answer {
            return json_response(status, body);
        }
        let id_token = provider.id_token(script);
        let answer = json!({ "token_type": "Bearer", "access_token": ACCESS_TOKEN, "id_token": id_token });
        json_response(StatusCode::OK, &answer.to_string())
    })
}
