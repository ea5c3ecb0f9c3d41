//! Commands that change the token signing keys.

use crate::support::{Server, eventually};

#[tokio::test]
async fn signing_keys_are_listed_and_rotations_are_exclusive_and_audited() {
    let server = Server::start();
    let installation = server.installation();
    let listed = installation.run_json(&["signing-key", "list"]);
    assert_eq!(listed["signing_keys"][0]["stage"], "signing");
    let rotated = installation.run_json(&["signing-key", "rotate", "--reason", "yearly rotation of keys"]);
    assert_eq!(rotated["signing_keys"][1]["stage"], "published");
    let next = rotated["signing_keys"][1]["key_id"].as_str().expect("a key").to_owned();
    for (arguments, status, message) in [
        (&["signing-key", "rotate"][..], 1, next.as_str()),
        (&["signing-key", "rotate", "--wait", "29s"], 2, "30s"),
        (&["signing-key", "retire", "nothing"], 1, "there is no signing key nothing"),
    ] {
        let ran = installation.run(arguments);
        assert_eq!(ran.status.code(), Some(status), "{}", ran.stderr);
        assert!(ran.stderr.contains(message), "{}", ran.stderr);
    }
    let log = eventually("the log is sealed", async || {
        let ran = installation.run(&["audit", "export", "--workspace", "-"]);
        ran.stdout.contains("signing_key.published").then_some(ran.stdout)
    })
    .await;
    assert!(log.contains(&next) && log.contains("yearly rotation of keys"), "{log}");
}
