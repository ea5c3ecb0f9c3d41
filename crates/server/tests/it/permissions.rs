//! Files that every user of the machine can read.

use std::{fs, os::unix::fs::PermissionsExt as _};

use crate::support::{Setup, eventually};

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
