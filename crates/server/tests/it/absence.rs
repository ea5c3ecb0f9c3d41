//! A database that is missing where an installation was before.

use std::fs;

use crate::support::{Installation, Server, Setup};

const SERVE: [&str; 5] = ["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];

/// An installation whose server was stopped.
fn stopped() -> Installation {
    let server = Setup::new().start();
    let installation = server.installation().clone();
    assert!(server.stop().success());
    installation
}

/// Commands that need an installation.
const COMMANDS: [&[&str]; 7] = [
    &["installation", "show"],
    &["installation", "renew"],
    &["workspace", "list"],
    &["backup", "backup.tar"],
    &["webhooks", "resume"],
    &["clock", "reset"],
    &["check"],
];

fn assert_refused(installation: &Installation, arguments: &[&str], trace: &str) {
    let ran = installation.run(arguments);
    assert_eq!(ran.status.code(), Some(1), "{arguments:?}: {}", ran.stdout);
    for part in ["an installation was here", "novantra serve --new-installation", trace] {
        assert!(ran.stderr.contains(part), "{arguments:?}: {part} is not in {}", ran.stderr);
    }
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
}

#[tokio::test]
async fn a_missing_or_empty_database_beside_a_master_key_is_not_replaced_by_a_new_installation() {
    let installation = stopped();
    let database = installation.folder().join("data/novantra.db");
    let workspace = ["workspace", "create", "--slug", "other", "--name", "Other"];
    fs::remove_file(&database).unwrap();
    for arguments in COMMANDS.iter().copied().chain([&SERVE[..], &workspace, &["migrate"]]) {
        assert_refused(&installation, arguments, "data/master.key");
        assert!(!database.exists(), "{arguments:?}");
    }
    fs::write(&database, b"").unwrap();
    assert_refused(&installation, &SERVE, "data/master.key");
    for arguments in COMMANDS.iter().copied().chain([&SERVE[..], &["migrate"]]) {
        fs::write(&database, emptied_database()).unwrap();
        assert_refused(&installation, arguments, "data/master.key");
    }
}

/// A SQLite database without tables.
fn emptied_database() -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("empty.db");
    let connection = rusqlite::Connection::open(&file).expect("a database");
    connection.execute_batch("CREATE TABLE t (a); DROP TABLE t").expect("statements");
    drop(connection);
    fs::read(file).expect("a file")
}

#[tokio::test]
async fn attachments_without_their_database_are_not_adopted_by_a_new_installation() {
    let installation = Installation::new();
    let attachments = installation.folder().join("data/attachments");
    fs::create_dir_all(&attachments).unwrap();
    fs::write(attachments.join("report.pdf"), "a report").unwrap();
    assert_refused(&installation, &SERVE, "data/attachments");
    assert!(!installation.folder().join("data/master.key").exists());
}

#[tokio::test]
async fn another_postgresql_database_beside_a_master_key_is_not_initialized() {
    let installation = Installation::with_new_postgres().await;
    assert!(Server::start_with(installation.clone()).stop().success());
    let mistyped = Installation::with_new_postgres().await;
    mistyped.copy_master_key_from(&installation);
    for arguments in [&SERVE[..], &["migrate"], &["workspace", "list"], &["check"]] {
        assert_refused(&mistyped, arguments, "data/master.key");
    }
    let tables = "SELECT count(*) FROM information_schema.tables WHERE table_name = 'findings'";
    assert_eq!(mistyped.database().await.cell(tables).await, "0");
}

#[tokio::test]
async fn a_new_installation_begins_with_an_existing_key_only_by_a_flag_and_only_once() {
    let installation = stopped();
    let key = fs::read(installation.folder().join("data/master.key")).unwrap();
    fs::remove_file(installation.folder().join("data/novantra.db")).unwrap();
    let server = Setup::with_installation(installation.clone()).argument("--new-installation").start();
    assert_eq!(installation.run_json(&["workspace", "list"])["workspaces"].as_array().unwrap().len(), 1);
    assert!(server.stop().success());
    assert_eq!(fs::read(installation.folder().join("data/master.key")).unwrap(), key);
    let again = installation.run(&[&SERVE[..], &["--new-installation"]].concat());
    assert_eq!(again.status.code(), Some(1));
    assert!(again.stderr.contains("already contains an installation"), "{}", again.stderr);
    assert!(Setup::with_installation(installation).start().stop().success());
}

#[tokio::test]
async fn an_installation_is_created_once_with_a_master_key_that_was_provided() {
    let installation = stopped();
    let create = ["installation", "create", "--data-dir", "created"];
    fs::create_dir(installation.folder().join("created")).unwrap();
    fs::copy(installation.folder().join("data/master.key"), installation.folder().join("created/master.key")).unwrap();
    assert_ne!(installation.run_json(&create)["id"], installation.run_json(&["installation", "show"])["id"]);
    let again = installation.run(&create);
    assert_eq!(again.status.code(), Some(1));
    assert!(again.stderr.contains("already contains an installation"), "{}", again.stderr);
    let mut server = Setup::with_installation(installation.clone()).argument("--data-dir=created").start();
    server.signal("TERM");
    assert!(server.wait().success());
}

#[tokio::test]
async fn commands_say_that_the_first_start_creates_an_installation_only_where_there_is_nothing_of_an_earlier_one() {
    let (sqlite, postgres) = (Installation::new(), Installation::with_new_postgres().await);
    for installation in [&sqlite, &postgres] {
        for arguments in [&["workspace", "list"][..], &["check"], &["webhooks", "resume"]] {
            let ran = installation.run(arguments);
            assert_eq!(ran.status.code(), Some(1), "{arguments:?}: {}", ran.stdout);
            assert!(ran.stderr.contains("the first `novantra serve` creates an installation"), "{}", ran.stderr);
        }
    }
    assert!(!sqlite.folder().join("data/novantra.db").exists());
}

#[tokio::test]
async fn a_schema_without_an_installation_beside_a_master_key_is_refused_by_commands_as_by_a_server() {
    let installation = stopped();
    fs::remove_file(installation.folder().join("data/novantra.db")).unwrap();
    let migrated = Installation::new();
    fs::create_dir(migrated.folder().join("data")).unwrap();
    migrated.run_json(&["migrate"]);
    migrated.copy_master_key_from(&installation);
    for arguments in [&SERVE[..], &["workspace", "list"], &["check"], &["webhooks", "resume"]] {
        assert_refused(&migrated, arguments, "data/master.key");
    }
}

#[tokio::test]
async fn a_database_whose_table_of_the_installation_was_emptied_is_refused() {
    let installation = stopped();
    let database = rusqlite::Connection::open(installation.folder().join("data/novantra.db")).unwrap();
    database.execute("DELETE FROM installation", []).unwrap();
    drop(database);
    for arguments in [&["workspace", "list"][..], &["check"], &SERVE] {
        let ran = installation.run(arguments);
        assert_eq!(ran.status.code(), Some(1), "{arguments:?}: {}", ran.stdout);
        assert!(ran.stderr.contains("has lost its rows"), "{arguments:?}: {}", ran.stderr);
    }
}

#[tokio::test]
async fn a_database_that_cannot_be_examined_is_not_taken_for_an_absent_one() {
    let installation = Installation::new();
    // No permission has the same effect, but not for the user root.
    fs::write(installation.folder().join("file"), "").unwrap();
    let in_file = installation.folder().join("file/novantra.db").display().to_string();
    for arguments in [&["check"][..], &["workspace", "list"], &SERVE, &["migrate"]] {
        let url = format!("sqlite:{in_file}");
        let ran = installation.run(&[arguments, &["--database-url", &url]].concat());
        assert_eq!(ran.status.code(), Some(1), "{arguments:?}: {}", ran.stdout);
        assert!(!ran.stderr.contains("creates an installation"), "{arguments:?}: {}", ran.stderr);
    }
    let key = installation.folder().join("file/master.key").display().to_string();
    for arguments in [&["check"][..], &["backup", "backup.tar"]] {
        let ran = installation.run(&[arguments, &["--master-key-file", &key]].concat());
        assert_eq!(ran.status.code(), Some(1), "{arguments:?}: {}", ran.stdout);
        assert!(ran.stderr.contains("can't examine the master key"), "{arguments:?}: {}", ran.stderr);
    }
}
