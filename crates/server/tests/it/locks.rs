//! The lock that keeps a second server from a SQLite database.

use std::fs;

use crate::support::{Installation, Setup};

fn assert_refused(installation: &Installation, url: &str) {
    let mut program = installation.program();
    program.env("NOVANTRA_DATABASE_URL", url);
    program.args(["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
    let second = program.output().expect("the program starts");
    let error = String::from_utf8_lossy(&second.stderr).into_owned();
    assert_eq!(second.status.code(), Some(1), "{url}");
    assert!(error.contains("another server runs on "), "{url}: {error}");
}

#[tokio::test]
async fn no_second_server_starts_on_a_database_by_whichever_link() {
    let server = Setup::new().start();
    let installation = server.installation();
    let data = installation.folder().join("data");
    let database = data.join("novantra.db");
    let [hard, soft] = ["hard.db", "soft.db"].map(|name| data.join(name));
    fs::hard_link(&database, &hard).unwrap();
    std::os::unix::fs::symlink(&database, &soft).unwrap();
    for file in [&database, &hard, &soft] {
        assert_refused(installation, &format!("sqlite:{}", file.display()));
    }
    // A command that opened the database by the other name would write to another log, and corrupt the file.
    for file in [&database, &hard] {
        let mut program = installation.program();
        program.env("NOVANTRA_DATABASE_URL", format!("sqlite:{}", file.display())).args(["workspace", "list"]);
        let listed = program.output().expect("the program starts");
        let error = String::from_utf8_lossy(&listed.stderr).into_owned();
        assert!(!listed.status.success() && error.contains("2 names (hard links)"), "{error}");
    }
    fs::remove_file(&hard).unwrap();
    assert_eq!(installation.run_json(&["workspace", "list"])["workspaces"].as_array().unwrap().len(), 1);
    assert_eq!(server.probe("/readyz").await.0, 200);
}
