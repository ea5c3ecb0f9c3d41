//! Files that every user of the machine can read.

use std::{fs, os::unix::fs::PermissionsExt as _};

use crate::support::{Installation, Setup, eventually};

#[tokio::test]
async fn a_master_key_or_data_folder_that_everybody_can_read_is_warned_of_and_fails_the_check() {
    let server = Setup::new().start();
    let installation = server.installation().clone();
    assert!(!server.log().contains("every user of this machine"), "{}", server.log());
    assert!(installation.run(&["check"]).status.success());
    assert!(server.stop().success());
    let data = installation.folder().join("data");
    for (path, exposed, usual) in [(data.join("master.key"), 0o644, 0o600), (data.clone(), 0o755, 0o700)] {
        let set = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        set(exposed);
        let check = installation.run(&["check"]);
        assert_eq!(check.status.code(), Some(1), "{}", check.stdout);
        assert!(check.stderr.contains(&format!("chmod {usual:o} {}", path.display())), "{}", check.stderr);
        let server = Setup::with_installation(installation.clone()).log(&format!("{exposed:o}.log")).start();
        eventually("the server warns", async || server.log().contains("every user of this machine").then_some(()))
            .await;
        assert!(server.stop().success());
        set(usual);
    }
}

#[tokio::test]
async fn files_that_a_group_can_change_and_logs_that_everybody_can_read_fail_the_check() {
    let installation = Installation::new();
    let database = installation.folder().join("elsewhere/novantra.db");
    fs::create_dir(database.parent().unwrap()).unwrap();
    let url = format!("sqlite:{}", database.display());
    let run = |arguments: &[&str]| installation.run(&[arguments, &["--database-url", &url]].concat());
    assert!(run(&["installation", "create"]).status.success());
    let data = installation.folder().join("data");
    // The folder of the database is open, so the permissions of each file count.
    let (key, log) = (data.join("master.key"), database.with_file_name("novantra.db-wal"));
    fs::set_permissions(database.parent().unwrap(), fs::Permissions::from_mode(0o755)).unwrap();
    // The log exists as long as the database is open.
    let open = rusqlite::Connection::open(&database).unwrap();
    open.query_row("SELECT count(*) FROM installation", [], |_| Ok(())).unwrap();
    for (path, exposed, usual) in [(&key, 0o660, 0o600), (&data, 0o770, 0o700), (&log, 0o644, 0o600)] {
        let set = |mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        set(usual);
        let check = run(&["check"]);
        assert!(check.status.success(), "{}", check.stderr);
        set(exposed);
        let check = run(&["check"]);
        assert!(check.stderr.contains(&format!("chmod {usual:o} {}", path.display())), "{}", check.stderr);
        set(usual);
    }
}

#[tokio::test]
async fn a_group_that_can_change_the_database_and_folders_whose_files_others_can_replace_fail_the_check() {
    let installation = Installation::new();
    assert!(installation.run(&["installation", "create"]).status.success());
    let data = installation.folder().join("data");
    let (keys, attachments) = (installation.folder().join("keys"), data.join("attachments"));
    for folder in [&keys, &attachments] {
        fs::create_dir_all(folder).unwrap();
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).unwrap();
    }
    let key = keys.join("master.key");
    fs::rename(data.join("master.key"), &key).unwrap();
    let check = || installation.run(&["check", "--master-key-file", &key.display().to_string()]);
    // The group can reach the files in it.
    fs::set_permissions(&data, fs::Permissions::from_mode(0o2750)).unwrap();
    let database = data.join("novantra.db");
    for (path, exposed, usual, remedy) in [
        (&database, 0o660, 0o640, "chmod 600"),
        (&attachments, 0o770, 0o750, "chmod 700"),
        (&keys, 0o777, 0o755, "chmod go-w"),
        (&keys, 0o770, 0o1777, "chmod go-w"),
    ] {
        let set = |mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        set(usual);
        assert!(check().status.success(), "{}", check().stderr);
        set(exposed);
        let failed = check();
        assert_eq!(failed.status.code(), Some(1), "{}: {}", path.display(), failed.stdout);
        assert!(failed.stderr.contains(&format!("{remedy} {}", path.display())), "{}", failed.stderr);
        set(usual);
    }
}
