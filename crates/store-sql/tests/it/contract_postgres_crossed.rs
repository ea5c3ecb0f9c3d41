//! The store passes the contract suite also under constant serialization failures: some of all statements and commits
//! fail with one, as in a distributed engine under load.

use std::sync::Arc;

use kernel::Clock;
use novantra_store_sql::{Database, Role};
use postgres_cluster::{TestDatabase, execute_blocking};
use store_contract::OpenedStore;
use ulid::Ulid;

use crate::support::{old_entries::PostgresUrl, open_store, postgres};

/// Fails by the transaction's number, so that the next attempt, which has another number, succeeds: 1 of 16
/// transactions at a statement that writes, 1 of 16 at COMMIT, and 1 of 16 at a statement that reads. Row-level
/// policies do not apply to superusers, so the store connects as another role.
const FAILURES: &str = "
    CREATE FUNCTION crossed_at(remainder int) RETURNS boolean LANGUAGE plpgsql AS $$
    BEGIN
        IF mod(pg_current_xact_id()::text::bigint, 16) = remainder THEN
            RAISE EXCEPTION 'injected' USING ERRCODE = '40001';
        END IF;
        RETURN true;
    END $$;
    CREATE FUNCTION crossed_statement() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM crossed_at(0); RETURN NULL; END $$;
    CREATE FUNCTION crossed_commit() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM crossed_at(5); RETURN NULL; END $$;
    CREATE ROLE {role} LOGIN;
    DO $$
    DECLARE name text;
    BEGIN
        FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = current_schema() LOOP
            EXECUTE format('GRANT ALL ON %I TO {role}', name);
            EXECUTE format('CREATE TRIGGER crossed BEFORE INSERT OR UPDATE OR DELETE ON %I
                            FOR EACH STATEMENT EXECUTE FUNCTION crossed_statement()', name);
            EXECUTE format('CREATE CONSTRAINT TRIGGER crossed_late AFTER INSERT OR UPDATE OR DELETE ON %I
                            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION crossed_commit()', name);
            EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
            EXECUTE format('CREATE POLICY crossed ON %I USING ((SELECT crossed_at(10))) WITH CHECK (true)', name);
        END LOOP;
        -- What they read is judged by the policies of their owner.
        ALTER VIEW audit_log OWNER TO {role};
        ALTER VIEW queued_webhook_deliveries OWNER TO {role};
    END $$;";

/// The role that the store connects as. It is dropped after its database.
struct UnprivilegedRole {
    fresh: Option<TestDatabase>,
    role: String,
}

impl Drop for UnprivilegedRole {
    fn drop(&mut self) {
        let Some(fresh) = self.fresh.take() else { return };
        let cluster_url = fresh.cluster_url().to_owned();
        drop(fresh);
        if execute_blocking(&cluster_url, &format!("DROP ROLE IF EXISTS {}", self.role)).is_err() {
            eprintln!("the role {} was not dropped", self.role);
        }
    }
}

async fn open(clock: Arc<dyn Clock>) -> OpenedStore {
    let fresh = postgres::create().await;
    let role = format!("{}_guest", fresh.name());
    fresh.connect().await.batch_execute(&FAILURES.replace("{role}", &role)).await.unwrap();
    let (_, server) = fresh.url().split_once('@').map(|(user, server)| (user.to_owned(), server.to_owned())).unwrap();
    let database = Database::open(&format!("postgres://{role}@{server}").parse().unwrap()).await.unwrap();
    let store = open_store(database, Role::Server, clock, Ulid::from_parts(0, 1)).await;
    let old_entries = Arc::new(PostgresUrl(fresh.url()));
    OpenedStore::new(Arc::new(store))
        .with_old_entries(old_entries)
        .with_guard(UnprivilegedRole { fresh: Some(fresh), role })
}

store_contract::contract_suite!(open);
