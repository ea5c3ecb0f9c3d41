//! Sign-in by a real OpenID Connect provider, from the button to the first page.

mod provider;

use serde_json::{Value, json};

use crate::support::{Server, Setup, eventually};
use provider::{Browser, PUBLIC_URL, Provider};

const START: &str = "/app/sign-in/openid?next=/app/risks";

fn account(email: &str, groups: &[&str]) -> Value {
    json!({ "name": "Morgan Halloran", "email": email, "email_verified": true, "groups": groups })
}

fn accounts() -> Value {
    json!({
        "morgan": account("m.halloran@brackwater.example", &["staff", "grc/leads"]),
        "dana": account("d.whitlock@brackwater.example", &["staff"]),
        "luis": { "email": "l.ferreira@brackwater.example", "email_verified": false, "groups": ["grc/leads"] },
    })
}

fn start(provider: &Provider) -> Server {
    Setup::new()
        .unlimited()
        .set("PUBLIC_URL", PUBLIC_URL)
        .set("OPENID_ISSUER", &provider.issuer)
        .set("OPENID_CLIENT_ID", "novantra")
        .set("OPENID_CLIENT_SECRET", "a-secret-of-the-test")
        .set("OPENID_SCOPES", "email,profile,groups")
        .set("OPENID_ROLES", "grc/admins=admin,grc/leads=lead")
        .set("OPENID_LABEL", "Sign in with Brackwater")
        .start()
}

fn user(server: &Server, email: &str) -> Value {
    server.installation().run_json(&["user", "show", "--workspace", "default", email])
}

/// Waits until the audit log has these actions of users, which are exported once they are sealed.
async fn expect_actions(server: &Server, expected: &[&str]) {
    eventually(&format!("the log has {expected:?}"), async || (actions(server) == expected).then_some(())).await;
}

fn actions(server: &Server) -> Vec<String> {
    let log = server.installation().run(&["audit", "export", "--workspace", "default"]).stdout;
    let entries = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let actions = entries.filter_map(|entry| entry["entry"]["action"].as_str().map(str::to_owned));
    actions.filter(|action| action.starts_with("user.")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_signs_in_by_the_provider_and_their_role_follows_their_groups() {
    let provider = Provider::start(&accounts());
    let server = start(&provider);
    let mut browser = Browser::new(&server.url);
    let page = browser.open("/app/sign-in?next=/app/risks").await;
    assert!(page.text.contains("Sign in with Brackwater"), "{}", page.text);
    assert!(page.text.contains(r#"href="/app/sign-in/openid?next=%2Fapp%2Frisks""#), "{}", page.text);

    let at_provider = browser.open(START).await;
    assert!(at_provider.url.as_str().starts_with(&provider.issuer), "{}", at_provider.url);
    assert_eq!(browser.server_cookies(), ["novantra-openid", "novantra-passkey"]);
    let arrived = browser.sign_in_as(at_provider, "morgan").await;
    assert_eq!((arrived.status, arrived.url.path()), (200, "/app/risks"), "{}", arrived.text);
    assert!(arrived.text.contains("Morgan Halloran"), "{}", arrived.text);
    let cookies = ["novantra-device", "novantra-passkey", "novantra-session"];
    assert_eq!(browser.server_cookies(), cookies, "the sign-in is over");
    let shown = user(&server, "m.halloran@brackwater.example");
    assert_eq!((&shown["role"], &shown["status"]), (&json!("lead"), &json!("active")));
    assert_eq!((&shown["signs_in_by"], &shown["identities"][0]["subject"]), (&json!(["provider"]), &json!("morgan")));
    assert_eq!(shown["identities"][0]["issuer"], provider.issuer.as_str());
    let first = ["user.created", "user.identity_linked", "user.signed_in"];
    expect_actions(&server, &first).await;

    provider.set_accounts(&json!({ "morgan": account("moved@brackwater.example", &["grc/leads", "grc/admins"]) }));
    let again = browser.open(START).await;
    assert_eq!((again.status, again.url.path()), (200, "/app/risks"), "the provider knows the browser");
    assert_eq!(user(&server, "m.halloran@brackwater.example")["role"], "admin");
    expect_actions(&server, &[&first[..], &["user.signed_in", "user.role_set"]].concat()).await;

    let asked = browser.open("/app/confirm-password?next=/app/risks").await;
    assert!(asked.text.contains(r#"name="login""#), "the provider asks again: {}", asked.text);
    let arrived = browser.sign_in_as(asked, "morgan").await;
    assert_eq!((arrived.status, arrived.url.path()), (200, "/app/risks"), "{}", arrived.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn people_whom_the_workspace_does_not_let_in_read_why() {
    let provider = Provider::start(&accounts());
    let server = start(&provider);
    for (account, title) in [("dana", "You have no access"), ("luis", "Your e-mail address is not verified")] {
        let mut browser = Browser::new(&server.url);
        let at_provider = browser.open(START).await;
        let refused = browser.sign_in_as(at_provider, account).await;
        assert_eq!(refused.status, 403, "{account}");
        assert!(refused.text.contains(title), "{account}: {}", refused.text);
        assert_eq!(browser.server_cookies(), [""; 0], "{account}");
    }
    let created = ["create", "--name", "Dana", "--email", "m.halloran@brackwater.example", "--role", "reader"];
    let created = [&["user"][..], &created, &["--workspace", "default"]].concat();
    server.installation().run_json(&created);
    let disable = ["user", "disable", "--workspace", "default", "m.halloran@brackwater.example"];
    server.installation().run_json(&disable);
    let mut browser = Browser::new(&server.url);
    let at_provider = browser.open(START).await;
    let refused = browser.sign_in_as(at_provider, "morgan").await;
    assert!(refused.status == 403 && refused.text.contains("Your account is disabled"), "{}", refused.text);
    let replayed = browser.follow(refused.url).await;
    assert!(replayed.status == 400 && replayed.text.contains("The sign-in is not known"), "{}", replayed.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_its_sign_in_or_with_an_error_has_a_page_that_says_so() {
    let provider = Provider::start(&accounts());
    let server = start(&provider);
    let mut browser = Browser::new(&server.url);
    let callback = "/app/sign-in/openid/callback";
    for query in ["", "?code=x&state=y", "?error=access_denied"] {
        let page = browser.open(&format!("{callback}{query}")).await;
        assert!(page.status == 400 && page.text.contains("The sign-in is not known"), "{query} {}", page.text);
    }
    browser.open(START).await;
    let page = browser.open(&format!("{callback}?code=x&state=another")).await;
    assert!(page.status == 400 && page.text.contains("This answer is for another sign-in"), "{}", page.text);
    assert_eq!(browser.server_cookies(), [""; 0]);
}

#[test]
fn the_check_says_whether_the_provider_can_be_used() {
    let provider = Provider::start(&accounts());
    let installation = crate::bundle_imports::installation(&["acme"]);
    let check = |issuer: &str| {
        let mut program = installation.program();
        program.args(["check", "--json"]).env("NOVANTRA_OPENID_ISSUER", issuer);
        program.env("NOVANTRA_OPENID_CLIENT_ID", "novantra").env("NOVANTRA_OPENID_DEFAULT_ROLE", "reader");
        let output = program.output().expect("the program runs");
        let document: Value = serde_json::from_slice(&output.stdout).expect("a document");
        let checks = document["checks"].as_array().expect("checks").clone();
        checks.into_iter().find(|check| check["about"] == "openid connect").expect("a check")
    };
    let answers = check(&provider.issuer);
    assert_eq!(answers["ok"], true, "{answers}");
    let other = check(&format!("{}/", provider.issuer));
    assert!(
        other["ok"] == false && other["message"].to_string().contains("set openid_issuer to what it says"),
        "{other}"
    );
}
