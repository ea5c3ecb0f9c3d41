//! Several processes over one SQLite file: a server, and commands that run beside it.

use std::{path::Path, sync::Arc, time::Duration};

use auth::Accounts as _;
use findings::Finding;
use kernel::{
    AuditTrail as _, Clock, CommitError, Entropy as _, Id, Ledger as _, Organization, OrganizationId, PageRequest,
    Reader, Stored, Timestamp,
};
use novantra_store_sql::{Database, DatabaseUrl, Role, SqlStore};
use store::Maintenance as _;
use store_contract::{TestClock, TestEntropy, samples};

use crate::support::{open_store, sqlite};

struct TestInstallation {
    folder: tempfile::TempDir,
    clock: Arc<TestClock>,
    entropy: TestEntropy,
}

impl TestInstallation {
    fn new() -> Self {
        let clock = Arc::new(TestClock::default());
        Self { folder: tempfile::tempdir().unwrap(), clock, entropy: TestEntropy::default() }
    }

    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("novantra.db")
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock) as Arc<dyn Clock>
    }

    async fn server(&self) -> SqlStore {
        sqlite::server(&self.path(), self.clock()).await
    }

    async fn command(&self) -> SqlStore {
        let database = Database::open(&DatabaseUrl::Sqlite(self.path())).await.unwrap();
        open_store(database, Role::Command, self.clock(), self.entropy.ulid(self.clock.now())).await
    }

    async fn organization(&self, store: &SqlStore) -> OrganizationId {
        let timestamp = store.begin_write();
        let id: Id<Organization> = Id::new(self.entropy.ulid(timestamp.at()));
        let stored = Stored::new(id, id, timestamp.at(), samples::organization("home"));
        let mut changeset = samples::changeset(&self.entropy, timestamp, id);
        changeset.create(&stored);
        store.commit(changeset).await.unwrap();
        id
    }

    async fn finding(&self, store: &SqlStore, home: OrganizationId, key: &str) -> Result<(), CommitError> {
        let mut changeset = samples::changeset(&self.entropy, store.begin_write(), home);
        let id = Id::new(self.entropy.ulid(changeset.at()));
        changeset.create(&Stored::new(home, id, changeset.at(), samples::finding(key)));
        store.commit(changeset).await
    }
}

async fn as_of(store: &SqlStore, home: OrganizationId) -> Timestamp {
    let page = Reader::<Finding>::list(store, home, &Default::default(), &PageRequest::default()).await.unwrap();
    page.as_of
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_beside_a_server_holds_as_of_back_until_it_ends() {
    let test = TestInstallation::new();
    let server = test.server().await;
    let home = test.organization(&server).await;
    let command = test.command().await;
    let timestamp = command.begin_write();
    test.clock.advance(Duration::from_secs(60));
    let as_of_list = as_of(&server, home).await;
    assert!(as_of_list <= timestamp.at(), "X-As-Of {as_of_list} passed the write in flight at {}", timestamp.at());
    drop(timestamp);
    command.close().await;
    assert!(as_of(&server, home).await >= test.clock.now());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_registers_after_a_list_holds_the_next_one_back() {
    let test = TestInstallation::new();
    let server = test.server().await;
    let home = test.organization(&server).await;
    for _ in 0..2 {
        let before = as_of(&server, home).await;
        assert!(before >= test.clock.now());
        let command = test.command().await;
        let timestamp = command.begin_write();
        assert!(timestamp.at() >= before);
        test.clock.advance(Duration::from_secs(60));
        for _ in 0..3 {
            let as_of = as_of(&server, home).await;
            assert!(as_of <= timestamp.at(), "X-As-Of {as_of} passed the write in flight at {}", timestamp.at());
        }
        drop(timestamp);
        command.close().await;
    }
    assert!(as_of(&server, home).await >= test.clock.now());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_stamps_no_write_before_the_as_of_a_server_returned() {
    let test = TestInstallation::new();
    let server = test.server().await;
    let home = test.organization(&server).await;
    let as_of_list = as_of(&server, home).await;
    let command = test.command().await;
    assert!(command.begin_write().at() >= as_of_list);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_restarted_after_its_clock_was_set_back_stamps_no_write_before_a_returned_as_of() {
    let test = TestInstallation::new();
    let as_of_list = {
        let server = test.server().await;
        let home = test.organization(&server).await;
        test.clock.advance(Duration::from_secs(60));
        as_of(&server, home).await
    };
    test.clock.set(Timestamp::from_millis(as_of_list.millis() - 3_600_000));
    let server = test.server().await;
    assert!(server.begin_write().at() >= as_of_list);
    assert!(server.begin_entry().at() >= as_of_list);
    server.close().await;
    assert!(test.command().await.begin_write().at() >= as_of_list);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_died_holds_as_of_back_until_its_registration_expires() {
    let test = TestInstallation::new();
    let server = test.server().await;
    let home = test.organization(&server).await;
    let at = test.command().await.begin_write().at();
    test.clock.advance(Duration::from_secs(60));
    assert!(as_of(&server, home).await <= at);
    let overdue = "UPDATE open_writes SET expires_at = 0";
    rusqlite::Connection::open(test.path()).unwrap().execute(overdue, []).unwrap();
    let started = std::time::Instant::now();
    while as_of(&server, home).await <= at {
        assert!(started.elapsed() < Duration::from_secs(60), "the row of a dead command was not deleted");
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_whose_registration_was_deleted_commits_no_write_it_stamped_before() {
    let test = TestInstallation::new();
    let server = test.server().await;
    let home = test.organization(&server).await;
    let command = test.command().await;
    let mut changeset = samples::changeset(&test.entropy, command.begin_write(), home);
    let id = Id::new(test.entropy.ulid(changeset.at()));
    changeset.create(&Stored::new(home, id, changeset.at(), samples::finding("late")));
    rusqlite::Connection::open(test.path()).unwrap().execute("DELETE FROM open_writes", []).unwrap();
    assert!(matches!(command.commit(changeset).await, Err(CommitError::Store(kernel::StoreError::Unavailable(_)))));
    assert!(Reader::<Finding>::get(&server, home, id).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_and_commands_write_to_one_file_concurrently() {
    let test = Arc::new(TestInstallation::new());
    let server = Arc::new(test.server().await);
    let home = test.organization(&server).await;
    let command = Arc::new(test.command().await);
    let mut writing = tokio::task::JoinSet::new();
    for number in 0..200 {
        let (test, store) = (Arc::clone(&test), Arc::clone(if number % 4 == 0 { &command } else { &server }));
        writing.spawn(async move { test.finding(&store, home, &format!("f-{number}")).await.unwrap() });
    }
    writing.join_all().await;
    let keys: Vec<String> = (0..200).map(|number| format!("f-{number}")).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    assert_eq!(Reader::<Finding>::get_by_keys(&*server, home, &keys).await.unwrap().len(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_read_of_a_server_sees_a_change_by_a_command() {
    let test = TestInstallation::new();
    let server = test.server().await;
    let home = test.organization(&server).await;
    let command = test.command().await;
    let mut changeset = samples::changeset(&test.entropy, command.begin_write(), home);
    let id = Id::new(test.entropy.ulid(changeset.at()));
    let account = Stored::new(home, id, changeset.at(), samples::account("scanner"));
    changeset.create(&account);
    command.commit(changeset).await.unwrap();
    for _ in 0..20 {
        let present = server.revision(home, id).await.unwrap();
        let before = Reader::<auth::ServiceAccount>::get(&command, home, id).await.unwrap().unwrap();
        assert_eq!(present, Some(before.meta.revision));
        let mut changeset = samples::changeset(&test.entropy, command.begin_write().after([&before]), home);
        changeset.update(&before, &before.changed(changeset.at(), before.record.clone()));
        command.commit(changeset).await.unwrap();
        assert_eq!(server.revision(home, id).await.unwrap(), Some(before.meta.revision.next()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn committed_writes_survive_a_crash() {
    let test = TestInstallation::new();
    let home = {
        let server = test.server().await;
        let home = test.organization(&server).await;
        test.finding(&server, home, "stored").await.unwrap();
        let timestamp = server.begin_entry();
        server.append(samples::entry(&test.entropy, home, timestamp.at()), timestamp).await.unwrap();
        // A copy of the files as a crash at this moment would leave them.
        copy(test.folder.path(), "novantra.db", "crashed.db");
        home
    };
    let path = test.folder.path().join("crashed.db");
    let crashed = sqlite::server(&path, test.clock()).await;
    assert_eq!(Reader::<Finding>::get_by_keys(&crashed, home, &["stored"]).await.unwrap().len(), 1);
}

fn copy(folder: &Path, from: &str, to: &str) {
    for tail in ["", "-wal"] {
        std::fs::copy(folder.join(format!("{from}{tail}")), folder.join(format!("{to}{tail}"))).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_store_leaves_only_the_database_file() {
    let test = TestInstallation::new();
    let server = test.server().await;
    test.organization(&server).await;
    server.close().await;
    let left: Vec<_> = std::fs::read_dir(test.folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(left, ["novantra.db"]);
    assert!(matches!(server.check_ready().await, Err(kernel::StoreError::Unavailable(_))));
}
