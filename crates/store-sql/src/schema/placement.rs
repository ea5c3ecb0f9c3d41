//! The placement of tables on the nodes of a distributed database: Citus, which is recognized by its extension.
//!
//! The columns of a table determine its placement. Rows of organizations are distributed by organization, and those of
//! one organization lie together. Only the organizations themselves are on every node, since their slugs are unique in
//! the installation. All other tables have a few rows about the installation, many of which are locked and changed all
//! the time, so they stay with the coordinator.

use std::{collections::BTreeMap, fmt, sync::LazyLock};

use kernel::StoreError;

use super::Database;
use crate::engine::{Engine, Session, Sql};

/// The table that the others are colocated with.
const FIRST: &str = "service_accounts";
/// The only table of organizations that is not distributed.
const ORGANIZATIONS: &str = "organizations";

static HAS_CITUS: LazyLock<Sql> =
    LazyLock::new(|| Sql::from_text("SELECT CAST(1 AS bigint) FROM pg_extension WHERE extname = 'citus'"));
/// The tables of the schema: name, whether it has organizations, kind of placement, column by which it is distributed,
/// and colocation group.
static TABLES: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(
        "SELECT CAST(c.relname AS text), \
         CAST(CASE WHEN EXISTS (SELECT 1 FROM pg_attribute AS a WHERE a.attrelid = c.oid \
         AND a.attname = 'organization_id' AND NOT a.attisdropped) THEN 1 ELSE 0 END AS bigint), \
         CASE WHEN p.partmethod = 'h' THEN 'distributed' WHEN p.repmodel = 't' THEN 'reference' ELSE 'local' END, \
         CASE WHEN p.partmethod = 'h' THEN column_to_column_name(p.logicalrelid, p.partkey) END, \
         CAST(COALESCE(p.colocationid, 0) AS bigint) \
         FROM pg_class AS c LEFT JOIN pg_dist_partition AS p ON p.logicalrelid = c.oid \
         WHERE c.relnamespace = CAST(current_schema() AS regnamespace) AND c.relkind IN ('r', 'p') ORDER BY c.relname",
    )
});

/// The placement of a table in a distributed database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// Its rows are distributed by `organization_id`, together with those of the other distributed tables.
    Distributed,
    /// Its rows are distributed in another way.
    DistributedOtherwise,
    /// It is a reference table, which every node has a copy of.
    Reference,
    /// It is a plain table of the coordinator.
    Local,
}

/// A table with another placement than it should have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MisplacedTable {
    /// The name of the table.
    pub table: String,
    /// Its placement.
    pub actual: Placement,
    /// The placement that it should have.
    pub required: Placement,
}

/// A row of [`TABLES`].
struct TableRow {
    name: String,
    has_organization: bool,
    kind: String,
    column: Option<String>,
    colocation: i64,
}

impl Database {
    /// Returns the tables of a distributed database that are not placed as this program needs. `None` if the database
    /// is not distributed, as far as that can be detected.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database can't be reached.
    pub async fn misplaced_tables(&self) -> Result<Option<Vec<MisplacedTable>>, StoreError> {
        match *self.engine {
            Engine::Sqlite(_) => Ok(None),
            Engine::Postgres(_) => self.engine.read((), |(), session| Box::pin(misplaced_tables(session))).await,
        }
    }
}

async fn misplaced_tables(session: &Session) -> Result<Option<Vec<MisplacedTable>>, StoreError> {
    if session.fetch_one(&HAS_CITUS, &[], |cells| cells.int()).await?.is_none() {
        return Ok(None);
    }
    let rows = session
        .fetch(&TABLES, &[], |cells| {
            Ok(TableRow {
                name: cells.text()?.to_owned(),
                has_organization: cells.int()? == 1,
                kind: cells.text()?.to_owned(),
                column: cells.opt_text()?.map(str::to_owned),
                colocation: cells.int()?,
            })
        })
        .await?;
    Ok(Some(misplaced(&rows)))
}

/// Returns the misplaced tables in the order in which they are to be placed: first the one that others are colocated
/// with.
fn misplaced(rows: &[TableRow]) -> Vec<MisplacedTable> {
    let colocations: BTreeMap<&str, i64> = rows.iter().map(|row| (row.name.as_str(), row.colocation)).collect();
    let group = colocations.get(FIRST).copied();
    let mut tables: Vec<MisplacedTable> = rows
        .iter()
        .filter_map(|row| {
            let required = match (row.has_organization, row.name.as_str()) {
                (_, ORGANIZATIONS) => Placement::Reference,
                (true, _) => Placement::Distributed,
                (false, _) => Placement::Local,
            };
            let actual = match (row.kind.as_str(), row.column.as_deref()) {
                ("distributed", Some("organization_id")) if Some(row.colocation) == group => Placement::Distributed,
                ("distributed", _) => Placement::DistributedOtherwise,
                ("reference", _) => Placement::Reference,
                _ => Placement::Local,
            };
            (actual != required).then(|| MisplacedTable { table: row.name.clone(), actual, required })
        })
        .collect();
    tables.sort_by_key(|table| table.table != FIRST);
    tables
}

impl MisplacedTable {
    /// Returns the statements that place the table as it should be.
    #[must_use]
    pub fn statements(&self) -> Vec<String> {
        let table = &self.table;
        let undistribute = (self.actual != Placement::Local).then(|| format!("SELECT undistribute_table('{table}')"));
        let distribute = match self.required {
            Placement::Reference => Some(format!("SELECT create_reference_table('{table}')")),
            Placement::Local => None,
            _ if table == FIRST => {
                Some(format!("SELECT create_distributed_table('{table}', 'organization_id', shard_count => 8)"))
            }
            _ => Some(format!(
                "SELECT create_distributed_table('{table}', 'organization_id', colocate_with => '{FIRST}')"
            )),
        };
        undistribute.into_iter().chain(distribute).collect()
    }
}

impl fmt::Display for Placement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Distributed => "distributed by organization_id",
            Self::DistributedOtherwise => "distributed by another column or apart from service_accounts",
            Self::Reference => "a reference table",
            Self::Local => "a plain table of the coordinator",
        })
    }
}

impl fmt::Display for MisplacedTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}, but must be {}", self.table, self.actual, self.required)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, kind: &str, column: Option<&str>, colocation: i64) -> TableRow {
        let has_organization = !["leases", "open_writes"].contains(&name);
        let column = column.map(str::to_owned);
        TableRow { name: name.to_owned(), has_organization, kind: kind.to_owned(), column, colocation }
    }

    #[test]
    fn a_table_with_another_placement_is_reported_with_the_statements_that_change_it() {
        let by_organization = Some("organization_id");
        let rows = [
            row("findings", "distributed", by_organization, 2),
            row("leases", "reference", None, 1),
            row("open_writes", "local", None, 0),
            row("organizations", "local", None, 0),
            row("outbox", "distributed", Some("id"), 2),
            row("service_accounts", "distributed", by_organization, 2),
            row("webhook_deliveries", "distributed", by_organization, 3),
            row("webhook_lanes", "local", None, 0),
        ];
        let found: Vec<(String, Vec<String>)> =
            misplaced(&rows).iter().map(|table| (table.table.clone(), table.statements())).collect();
        let undistribute = |table: &str| format!("SELECT undistribute_table('{table}')");
        let distribute = |table: &str| {
            format!(
                "SELECT create_distributed_table('{table}', 'organization_id', colocate_with => 'service_accounts')"
            )
        };
        assert_eq!(
            found,
            [
                ("leases".to_owned(), vec![undistribute("leases")]),
                ("organizations".to_owned(), vec!["SELECT create_reference_table('organizations')".to_owned()]),
                ("outbox".to_owned(), vec![undistribute("outbox"), distribute("outbox")]),
                (
                    "webhook_deliveries".to_owned(),
                    vec![undistribute("webhook_deliveries"), distribute("webhook_deliveries")]
                ),
                ("webhook_lanes".to_owned(), vec![distribute("webhook_lanes")]),
            ]
        );
    }

    /// The parts of Citus that are asked for.
    const CATALOGUE: &str = "
        INSERT INTO pg_extension SELECT 99999, 'citus', extowner, extnamespace, false, '13.2'
            FROM pg_extension WHERE extname = 'plpgsql';
        CREATE TABLE pg_dist_partition (logicalrelid regclass, partmethod \"char\", partkey text, colocationid int,
            repmodel \"char\");
        CREATE FUNCTION column_to_column_name(regclass, text) RETURNS text LANGUAGE sql AS 'SELECT $2'";

    #[tokio::test]
    async fn every_table_with_organizations_is_to_be_distributed_and_no_other() {
        let fresh = postgres_cluster::TestDatabase::create().await;
        let database = Database::open(&fresh.url().parse().unwrap()).await.unwrap();
        database.migrate(kernel::Timestamp::from_millis(0)).await.unwrap();
        assert_eq!(database.misplaced_tables().await.unwrap(), None, "one PostgreSQL server");

        let client = fresh.connect().await;
        client.batch_execute(CATALOGUE).await.unwrap();
        let misplaced = database.misplaced_tables().await.unwrap().unwrap();
        let names = |required| {
            let of = misplaced.iter().filter(move |table| table.required == required);
            of.map(|table| table.table.as_str()).collect::<Vec<_>>()
        };
        assert_eq!(names(Placement::Reference), ["organizations"]);
        assert!(names(Placement::Local).is_empty());
        let distributed = names(Placement::Distributed);
        assert_eq!(distributed[0], "service_accounts");
        for table in ["findings", "audit_waiting", "audit_segments", "webhook_subscriptions", "webhook_deliveries"] {
            assert!(distributed.contains(&table), "{table}: {distributed:?}");
        }
        for table in ["audit_writers", "installation", "leases", "open_writes", "schema_migrations", "signing_keys"] {
            assert!(!distributed.contains(&table), "{table}: {distributed:?}");
        }

        for table in &misplaced {
            let (method, model) = if table.required == Placement::Reference { ('n', 't') } else { ('h', 's') };
            let placed = format!(
                "INSERT INTO pg_dist_partition VALUES ('{}', '{method}', 'organization_id', 2, '{model}')",
                table.table
            );
            client.batch_execute(&placed).await.unwrap();
        }
        assert_eq!(database.misplaced_tables().await.unwrap(), Some(Vec::new()));
    }

    #[test]
    fn the_table_that_others_are_colocated_with_comes_first() {
        let rows = [row("findings", "local", None, 0), row("service_accounts", "local", None, 0)];
        let tables: Vec<String> = misplaced(&rows).into_iter().map(|table| table.table).collect();
        assert_eq!(tables, ["service_accounts", "findings"]);
        assert_eq!(
            misplaced(&rows)[0].to_string(),
            "service_accounts is a plain table of the coordinator, but must be distributed by organization_id"
        );
    }
}
