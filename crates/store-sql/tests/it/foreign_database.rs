//! A store whose database becomes that of another installation: behind the same URL, or in the same place.

use std::{path::Path, sync::Arc, time::Duration};

use audit::{
    HasAuditTables as _,
    tables::{LeaseHold, SealingRound},
};
use findings::Finding;
use kernel::{
    Clock as _, CommitError, Entropy as _, Id, Ledger as _, Organization, OrganizationId, PageRequest, Reader,
    StoreError, Stored,
};
use novantra_store_sql::{Database, DatabaseOptions, Role, SqlStore};
use postgres_cluster::StatementProxy;
use store::{InstallationIdentity as _, Lease, Maintenance as _, MasterKeyCheck as _};
use store_contract::{TestClock, TestEntropy, samples};
use ulid::Ulid;

use crate::support::{open_store, postgres, sqlite};

const ID: &str = "01HZX3V6T9C6Q4W8N2D5K7M1RB";
const OTHER_ID: &str = "01HZX3V6T9C6Q4W8N2D5K7M1RC";
const MASTER_KEY_CHECK: &str = "the check value of the master key";

struct TestServer {
    store: SqlStore,
    clock: Arc<TestClock>,
    entropy: TestEntropy,
    home: OrganizationId,
}

impl TestServer {
    /// Starts a server of an installation, which has committed an organization.
    async fn start(database: Database) -> Self {
        let clock = Arc::new(TestClock::default());
        let store = open_store(database, Role::Server, Arc::clone(&clock) as _, Ulid(7)).await;
        store.store_master_key_check(MASTER_KEY_CHECK).await.unwrap();
        store.store_installation_id(ID).await.unwrap();
        store.expect_installation(ID, MASTER_KEY_CHECK);
        let test = Self { store, clock, entropy: TestEntropy::default(), home: Id::new(Ulid(1)) };
        let mut changeset = samples::changeset(&test.entropy, test.store.begin_write(), test.home);
        let home: Id<Organization> = test.home;
        changeset.create(&Stored::new(home, home, changeset.at(), samples::organization("home")));
        test.store.commit(changeset).await.unwrap();
        test.store.check_ready().await.unwrap();
        test
    }

    async fn write(&self, key: &str) -> Result<(), CommitError> {
        let mut changeset = samples::changeset(&self.entropy, self.store.begin_write(), self.home);
        let id = Id::new(self.entropy.ulid(changeset.at()));
        changeset.create(&Stored::new(self.home, id, changeset.at(), samples::finding(key)));
        self.store.commit(changeset).await
    }

    async fn findings(&self) -> Result<usize, StoreError> {
        let page = PageRequest::default();
        let page = Reader::<Finding>::list(&self.store, self.home, &Default::default(), &page).await?;
        Ok(page.items.len())
    }
}

fn set_id(id: &str) -> String {
    format!("UPDATE installation SET value = '{id}' WHERE key = 'id'")
}

fn change_file(path: &Path, statement: &str) {
    rusqlite::Connection::open(path).unwrap().execute(statement, []).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_to_the_database_of_another_installation_is_refused_even_if_that_has_the_registration_of_the_process() {
    let fresh = postgres::create().await;
    let test = TestServer::start(postgres::open(&fresh).await).await;
    let direct = fresh.connect().await;
    direct.batch_execute(&set_id(OTHER_ID)).await.unwrap();
    let refused = test.write("foreign").await;
    assert!(matches!(refused, Err(CommitError::Store(StoreError::Unavailable(_)))), "{refused:?}");
    let row = direct.query_one("SELECT count(*) FROM findings", &[]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_has_seen_the_database_of_another_installation_is_of_no_use_until_it_is_opened_again() {
    for (change, seen) in [
        (set_id(OTHER_ID), OTHER_ID),
        ("DELETE FROM installation WHERE key = 'id'".to_owned(), "none"),
        ("UPDATE installation SET value = 'x' WHERE key = 'master_key_check'".to_owned(), "another master key"),
    ] {
        let fresh = postgres::create().await;
        let test = TestServer::start(postgres::open(&fresh).await).await;
        let direct = fresh.connect().await;
        direct.batch_execute("CREATE TABLE before AS SELECT * FROM installation").await.unwrap();
        direct.batch_execute(&change).await.unwrap();
        let (mut attempts, mut refused) = (0, test.store.check_ready().await);
        // A probe that has just succeeded is not repeated for a second.
        while refused.is_ok() {
            attempts += 1;
            assert!(attempts < 1_000_000, "{change}");
            tokio::task::yield_now().await;
            refused = test.store.check_ready().await;
        }
        let text = refused.unwrap_err().to_string();
        assert!(text.contains(ID) && text.contains(seen) && text.contains("restart"), "{text}");
        direct.batch_execute("TRUNCATE installation; INSERT INTO installation SELECT * FROM before").await.unwrap();
        assert!(test.store.check_ready().await.is_err(), "what the store remembers may be another database's");
        assert!(test.write("late").await.is_err());
        assert!(test.findings().await.is_err());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_audit_log_of_another_installation_is_not_sealed() {
    let (fresh, folder) = (postgres::create().await, tempfile::tempdir().unwrap());
    let file = folder.path().join("novantra.db");
    let over_postgres = TestServer::start(postgres::open(&fresh).await).await;
    let over_sqlite = TestServer::start(sqlite::open(&file).await).await;
    for test in [&over_postgres, &over_sqlite] {
        let lease = LeaseHold {
            lease: "sealer",
            owner: "sealer".into(),
            now: test.clock.now(),
            duration: Duration::from_secs(15),
        };
        assert!(test.store.acquire_lease(Lease::Sealer, &lease.owner, lease.now, lease.duration).await.unwrap());
        let tables = test.store.audit_tables();
        let rows = tables.waiting(None, 100, usize::MAX).await.unwrap();
        assert!(!rows.is_empty());
        let round = SealingRound {
            lease,
            heads: Vec::new(),
            sealed: rows.into_iter().map(|row| row.key).collect(),
            waiting: Vec::new(),
            old_waiting: Vec::new(),
            writers: Vec::new(),
            ended_writers: Vec::new(),
        };
        fresh.connect().await.batch_execute(&set_id(OTHER_ID)).await.unwrap();
        change_file(&file, &set_id(OTHER_ID));
        let sealed = tables.seal(&round).await;
        assert!(matches!(sealed, Err(StoreError::Unavailable(_))), "{sealed:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_to_a_database_that_does_not_answer_fails_in_time() {
    let fresh = postgres::create().await;
    postgres::open(&fresh).await.close().await;
    let proxy = StatementProxy::start(&fresh.url()).await;
    let options = DatabaseOptions { statement_timeout: Duration::from_secs(1), ..DatabaseOptions::default() };
    let database = Database::open_with(&proxy.url().parse().unwrap(), &options).await.unwrap();
    let test = TestServer::start(database).await;
    proxy.hold_responses(usize::MAX / 4);
    let (write, claimed) = tokio::join!(
        tokio::time::timeout(Duration::from_secs(30), test.write("unanswered")),
        tokio::time::timeout(Duration::from_secs(30), test.store.check_ready()),
    );
    assert!(matches!(write.unwrap(), Err(CommitError::Store(StoreError::Unavailable(_)))));
    assert!(matches!(claimed.unwrap(), Err(StoreError::Unavailable(_))));
}
