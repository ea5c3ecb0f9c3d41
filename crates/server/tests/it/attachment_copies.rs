//! Backups and copies of installations whose attachments are not all there.

use std::{fs, path::PathBuf};

use crate::{
    attachments::{SCOPES, files, upload_as},
    support::{Installation, Server},
};

/// An installation with three attachments, the bytes of one of which are gone, and the path of these.
async fn damaged_installation() -> (Installation, PathBuf) {
    let server = Server::start();
    let client = server.create_client("uploader", SCOPES).await;
    for bytes in [b"one".as_slice(), b"two", b"three"] {
        upload_as(&client, &server, "report.csv", bytes).await;
    }
    let installation = server.installation().clone();
    assert!(server.stop().success());
    let gone = files(&installation.folder().join("data/attachments")).remove(1);
    fs::remove_file(&gone).expect("the file of an attachment");
    (installation, gone)
}

/// Runs a command that must fail and name the object.
#[track_caller]
fn assert_refused(installation: &Installation, arguments: &[&str], object: &str) -> String {
    let ran = installation.run(arguments);
    assert_eq!(ran.status.code(), Some(1), "{arguments:?}: {}", ran.stdout);
    assert!(ran.stderr.contains(object) && ran.stderr.lines().count() == 1, "{arguments:?}: {}", ran.stderr);
    ran.stderr
}

#[tokio::test]
async fn a_backup_that_would_lack_bytes_is_not_made_and_names_them() {
    let (installation, gone) = damaged_installation().await;
    let name = gone.file_name().unwrap().to_str().unwrap();
    let refused = assert_refused(&installation, &["backup", "backup.tar"], name);
    assert!(refused.contains("names 1 object that is missing") && refused.contains("no backup was made"), "{refused}");
    assert!(!installation.folder().join("backup.tar").exists());
    let without = installation.run_json(&["backup", "backup.tar", "--without-attachments"]);
    assert_eq!(without["attachments"], 0);

    // A record of bytes that the server has removed names no object.
    let database = installation.database().await;
    database.execute(&format!("UPDATE evidence_contents SET object_key = NULL WHERE object_key LIKE '%{name}'")).await;
    assert_eq!(installation.run_json(&["backup", "two.tar"])["attachments"], 2);
}

#[tokio::test]
async fn a_copy_of_attachments_that_lacks_bytes_fails_and_names_them() {
    let (installation, gone) = damaged_installation().await;
    let name = gone.file_name().unwrap().to_str().unwrap();
    let (copied, elsewhere) = (installation.folder().join("copied"), installation.folder().join("elsewhere"));
    let to = format!("file:{}", copied.display());
    let own = format!("file:{}", installation.folder().join("data/./attachments").display());
    for arguments in
        [vec!["copy", "--attachments-to", &to], vec!["copy", "--attachments-from", &own, "--attachments-to", &to]]
    {
        let refused = assert_refused(&installation, &arguments, name);
        assert!(refused.contains("the copy is not whole: copied"), "{refused}");
        assert_eq!(files(&copied).len(), 2, "what is there was copied");
    }

    // A store that is not there, or has nothing, leaves nothing that a server would take for a store.
    let to = format!("file:{}", elsewhere.display());
    let absent = format!("file:{}", installation.folder().join("absent").display());
    assert_refused(&installation, &["copy", "--attachments-from", &absent, "--attachments-to", &to], "absent");
    fs::create_dir(installation.folder().join("absent")).unwrap();
    let empty = installation.run(&["copy", "--attachments-from", &absent, "--attachments-to", &to]);
    assert!(empty.status.success() && empty.stdout.contains("not compared with a database"), "{}", empty.stderr);
    assert!(!elsewhere.exists());
}

#[tokio::test]
async fn a_copy_of_a_database_names_the_store_of_its_source_and_fails_if_that_lacks_bytes() {
    let (source, gone) = damaged_installation().await;
    let name = gone.file_name().unwrap().to_str().unwrap();
    let elsewhere = Installation::new();
    let (from, to) = (source.database_url(), elsewhere.database_url());
    let copy = ["copy", "--from", &from, "--to", &to];
    let refused = assert_refused(&elsewhere, &copy, name);
    assert!(refused.contains("nothing was copied") && refused.contains("--without-attachments"), "{refused}");
    assert!(!elsewhere.folder().join("data/novantra.db").exists());
    fs::write(&gone, "two").unwrap();
    let copied = elsewhere.run(&copy);
    assert!(copied.status.success(), "{}", copied.stderr);
    let store = format!("the copy needs those in file:{}", source.folder().join("data/attachments").display());
    assert!(copied.stdout.contains(&store), "{}", copied.stdout);

    fs::remove_dir_all(source.folder().join("data/attachments")).unwrap();
    let third = Installation::new();
    let to = third.database_url();
    assert_refused(&third, &["copy", "--from", &from, "--to", &to], "data/attachments");
    assert!(third.run(&["copy", "--from", &from, "--to", &to, "--without-attachments"]).status.success());
}
