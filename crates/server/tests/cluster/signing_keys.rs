//! Changes of the token signing keys while two servers handle requests.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

use crate::support::{Client, Credentials, Installation, Server, eventually};

const PATH: &str = "/api/v1/governance/findings?limit=1";

/// Two servers and the command line of one PostgreSQL installation.
struct TwoServers {
    installation: Installation,
    servers: [Server; 2],
    credentials: Credentials,
}

impl TwoServers {
    async fn start() -> Self {
        let installation = Installation::with_new_postgres().await;
        let servers = [(); 2].map(|()| Server::start_with(installation.clone()));
        let credentials = installation.create_account("caller", &["governance.findings:read"]);
        Self { installation, servers, credentials }
    }

    fn callers(&self) -> [Caller; 2] {
        let http = reqwest::Client::new();
        [0, 1].map(|one| Caller {
            http: http.clone(),
            issuer: Client::new(&self.servers[one].url),
            urls: [0, 1].map(|index| format!("{}{PATH}", self.servers[index].url)),
            credentials: self.credentials.clone(),
        })
    }

    /// The ids and stages of the keys, in the order in which they sign.
    fn keys(&self) -> Vec<(String, String)> {
        let listed = self.installation.run_json(&["signing-key", "list"]);
        let text = |key: &Value, name: &str| key[name].as_str().expect("a text").to_owned();
        let keys = listed["signing_keys"].as_array().expect("keys");
        keys.iter().map(|key| (text(key, "key_id"), text(key, "stage"))).collect()
    }
}

/// A client that gets tokens from one server and uses them on both.
struct Caller {
    http: reqwest::Client,
    issuer: Client,
    urls: [String; 2],
    credentials: Credentials,
}

impl Caller {
    async fn token(&self) -> String {
        let answer = self.issuer.request_token(&self.credentials).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body["access_token"].as_str().expect("a token").to_owned()
    }

    async fn statuses(&self, token: &str) -> [u16; 2] {
        let call = async |url: &str| self.http.get(url).bearer_auth(token).send().await.expect("an answer").status();
        let [one, other] = &self.urls;
        [call(one).await.as_u16(), call(other).await.as_u16()]
    }

    /// Sends requests with old and new tokens until `stop` is set. Tokens of the key `refused` may be refused.
    async fn call_until_stopped(&self, stop: &AtomicBool, calls: &AtomicU64, refused: Option<&str>) {
        let mut oldest = self.token().await;
        while !stop.load(Ordering::SeqCst) {
            let fresh = self.token().await;
            for token in [&fresh, &oldest] {
                let statuses = self.statuses(token).await;
                let excused = refused == Some(signing_key_id(token).as_str())
                    && statuses.iter().all(|status| [200, 401].contains(status));
                assert!(statuses == [200, 200] || excused, "{statuses:?} with a token of {}", signing_key_id(token));
            }
            if refused == Some(signing_key_id(&oldest).as_str()) {
                oldest = fresh;
            }
            calls.fetch_add(4, Ordering::SeqCst);
        }
    }
}

/// The id of the key that signed the token.
fn signing_key_id(token: &str) -> String {
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().expect("a header")).expect("base64");
    let header: Value = serde_json::from_slice(&header).expect("a header");
    header["kid"].as_str().expect("a key").to_owned()
}

/// Sends requests to both servers while `doing` runs, and for some time before and after.
async fn while_calling<T>(servers: &TwoServers, refused: Option<&str>, doing: impl AsyncFnOnce() -> T) -> T {
    let (stop, calls) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let hammers = servers.callers().map(|caller| {
        let (stop, calls, refused) = (Arc::clone(&stop), Arc::clone(&calls), refused.map(str::to_owned));
        tokio::spawn(async move { caller.call_until_stopped(&stop, &calls, refused.as_deref()).await })
    });
    // The requests continue as long as each is followed by another, however slow the machine is: this detects a
    // request that hangs.
    let more = async || {
        let enough = calls.load(Ordering::SeqCst) + 100;
        while calls.load(Ordering::SeqCst) < enough {
            let before = calls.load(Ordering::SeqCst);
            eventually("another request is answered", async || (calls.load(Ordering::SeqCst) > before).then_some(()))
                .await;
        }
    };
    more().await;
    let done = doing().await;
    more().await;
    stop.store(true, Ordering::SeqCst);
    for hammer in hammers {
        hammer.await.expect("no request fails");
    }
    done
}

/// Runs a command next to the servers, without blocking the requests.
async fn run_command(servers: &TwoServers, arguments: &[&str]) -> Value {
    let (installation, arguments) =
        (servers.installation.clone(), arguments.iter().map(|argument| (*argument).to_owned()).collect::<Vec<_>>());
    let command = move || installation.run_json(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    tokio::task::spawn_blocking(command).await.expect("the command")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signing_key_rotates_under_two_busy_servers_and_no_request_fails() {
    let servers = TwoServers::start().await;
    let [one, other] = servers.callers();
    let before = one.token().await;
    while_calling(&servers, None, async || {
        run_command(&servers, &["signing-key", "rotate", "--wait", "30s"]).await;
        assert_eq!(
            signing_key_id(&one.token().await),
            signing_key_id(&before),
            "a new key must not sign before every server has it"
        );
        // The remaining third of the wait is still longer than servers use keys they have read.
        let database = servers.installation.database().await;
        database
            .execute("UPDATE signing_keys SET signs_from = signs_from - 18000 WHERE signs_from > created_at + 20000")
            .await;
        for issuer in [&one, &other] {
            eventually("the new key signs", async || {
                (signing_key_id(&issuer.token().await) != signing_key_id(&before)).then_some(())
            })
            .await;
        }
    })
    .await;
    assert_eq!(one.statuses(&before).await, [200, 200], "tokens of the old key must stay valid until they expire");
    let stages: Vec<_> = servers.keys().into_iter().map(|(_, stage)| stage).collect();
    assert_eq!(stages, ["verifying", "signing"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_tokens_of_a_retired_key_are_refused_by_every_server() {
    let servers = TwoServers::start().await;
    let [one, other] = servers.callers();
    let leaked = one.token().await;
    let retired = signing_key_id(&leaked);
    assert_eq!(other.statuses(&leaked).await, [200, 200]);
    while_calling(&servers, Some(&retired), async || {
        run_command(&servers, &["signing-key", "retire", &retired, "--reason", "it was in a stolen backup"]).await;
        assert_eq!(one.statuses(&leaked).await, [401, 401]);
    })
    .await;
    let [(current, stage)] = &servers.keys()[..] else { panic!("one key is left") };
    assert_eq!((signing_key_id(&other.token().await), stage.as_str()), (current.clone(), "signing"));
}
