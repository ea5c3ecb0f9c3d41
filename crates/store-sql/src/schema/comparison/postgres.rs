//! The catalogue of PostgreSQL.
//!
//! Definitions are those that the server itself writes, in its short form, which leaves out the schema of what the search
//! path leads to: so they are the same in two schemas.

use std::sync::LazyLock;

use kernel::StoreError;

use super::{Limitation, Object, Schemas, sqlite};
use crate::{
    engine::{Engine, PostgresKind, Session, Sql},
    schema::migrations,
};

/// All that can change or suppress rows: triggers, rules, row security, its policies and inheritance. Internal triggers, those of
/// foreign keys and of extensions, are not read unless they are disabled.
const ACTIVE: &str = "
    SELECT 'trigger', CAST(c.relname AS text), CAST(t.tgname AS text), 'runs ' || p.proname || CASE t.tgenabled
            WHEN 'O' THEN '' WHEN 'D' THEN ', disabled' WHEN 'R' THEN ', on replicas' ELSE ', always' END,
        CAST(0 AS bigint)
    FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
        JOIN pg_proc AS p ON p.oid = t.tgfoid
    WHERE n.nspname = current_schema() AND (NOT t.tgisinternal OR t.tgenabled <> 'O' OR t.tgconstraint = 0
        AND NOT EXISTS (SELECT 1 FROM pg_depend AS d WHERE d.classid = CAST('pg_proc' AS regclass)
            AND d.objid = p.oid AND d.deptype = 'e'))
    UNION ALL
    SELECT 'rule', CAST(c.relname AS text), CAST(r.rulename AS text), CASE r.ev_type WHEN '1' THEN 'on SELECT'
            WHEN '2' THEN 'on UPDATE' WHEN '3' THEN 'on INSERT' ELSE 'on DELETE' END
            || CASE WHEN r.is_instead THEN ', instead' ELSE '' END
            || CASE r.ev_enabled WHEN 'O' THEN '' WHEN 'D' THEN ', disabled' WHEN 'R' THEN ', on replicas'
                ELSE ', always' END, 0
    FROM pg_rewrite AS r JOIN pg_class AS c ON c.oid = r.ev_class JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = current_schema()
        AND (r.rulename <> '_RETURN' OR c.relkind NOT IN ('v', 'm') OR r.ev_enabled <> 'O')
    UNION ALL
    SELECT 'row security', CAST(c.relname AS text), '', CASE WHEN c.relrowsecurity THEN 'enabled' ELSE 'not enabled' END
            || CASE WHEN c.relforcerowsecurity THEN ', for the owner too' ELSE '' END, 0
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = current_schema() AND (c.relrowsecurity OR c.relforcerowsecurity)
    UNION ALL
    SELECT 'policy', CAST(c.relname AS text), CAST(p.polname AS text), '', 0
    FROM pg_policy AS p JOIN pg_class AS c ON c.oid = p.polrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = current_schema()
    UNION ALL
    SELECT 'inheriting table', CAST(a.relname AS text), CAST(c.relname AS text), '', 0
    FROM pg_inherits AS i JOIN pg_class AS a ON a.oid = i.inhparent JOIN pg_class AS c ON c.oid = i.inhrelid
        JOIN pg_namespace AS n ON n.oid = a.relnamespace
    WHERE n.nspname = current_schema() AND a.relkind IN ('r', 'p')";

/// Tables, views, columns, indexes and constraints, but not those of extensions. An additional index is harmless if it
/// neither refuses rows nor runs a function of somebody else.
const STRUCTURE: &str = "
    SELECT 'relation', CAST(c.relname AS text), CAST(c.relname AS text),
        CASE c.relpersistence WHEN 'u' THEN 'unlogged ' ELSE '' END
            || CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table' WHEN 'f' THEN 'foreign table'
                WHEN 'v' THEN 'view AS ' ELSE 'materialized view AS ' END
            || CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid, true) ELSE '' END, CAST(1 AS bigint)
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p', 'f', 'v', 'm') AND NOT EXISTS (
        SELECT 1 FROM pg_depend AS d WHERE d.classid = CAST('pg_class' AS regclass) AND d.objid = c.oid
            AND d.deptype = 'e')
    UNION ALL
    SELECT 'column', CAST(c.relname AS text), CAST(a.attname AS text), format_type(a.atttypid, a.atttypmod)
            || CASE WHEN a.attcollation <> t.typcollation THEN ' COLLATE ' || quote_ident(l.collname) ELSE '' END
            || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
            || CASE WHEN a.attidentity <> '' THEN ' GENERATED AS IDENTITY' ELSE '' END
            || COALESCE(CASE WHEN a.attgenerated <> '' THEN ' GENERATED ALWAYS AS ' ELSE ' DEFAULT ' END
                || pg_get_expr(d.adbin, d.adrelid, true), ''), 0
    FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
        JOIN pg_type AS t ON t.oid = a.atttypid LEFT JOIN pg_collation AS l ON l.oid = a.attcollation
        LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL
    SELECT 'index', CAST(c.relname AS text), CAST(i.relname AS text), pg_get_indexdef(x.indexrelid, 0, true)
            || CASE WHEN x.indisvalid AND x.indisready AND x.indislive THEN '' ELSE ', invalid' END,
        CASE WHEN NOT x.indisunique AND NOT x.indisexclusion AND x.indexprs IS NULL AND x.indpred IS NULL
            AND NOT EXISTS (SELECT 1 FROM pg_opclass AS o JOIN pg_namespace AS s ON s.oid = o.opcnamespace
                WHERE o.oid = ANY (x.indclass) AND s.nspname <> 'pg_catalog') THEN 1 ELSE 0 END
    FROM pg_index AS x JOIN pg_class AS i ON i.oid = x.indexrelid JOIN pg_class AS c ON c.oid = x.indrelid
        JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = current_schema()
    UNION ALL
    SELECT 'constraint', CAST(c.relname AS text), CAST(k.conname AS text), pg_get_constraintdef(k.oid, true), 0
    FROM pg_constraint AS k JOIN pg_class AS c ON c.oid = k.conrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = current_schema() AND k.contype <> 'n'";

/// The names of tables, views and columns.
const NAMES: &str = "
    SELECT 'relation', CAST(c.relname AS text), CAST(c.relname AS text),
        CASE c.relpersistence WHEN 'u' THEN 'unlogged ' ELSE '' END
            || CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'f' THEN 'foreign table'
                ELSE 'table' END, CAST(0 AS bigint)
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p', 'f', 'v', 'm')
    UNION ALL
    SELECT 'column', CAST(c.relname AS text), CAST(a.attname AS text), '', 0
    FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped";

/// Triggers of the whole database, but not those of extensions. One could add other triggers to the tables of the
/// comparison, too.
static EVENT_TRIGGERS: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(
        "SELECT 'event trigger', '', CAST(e.evtname AS text), 'on ' || e.evtevent || ', runs ' || p.proname, \
         CAST(0 AS bigint) FROM pg_event_trigger AS e JOIN pg_proc AS p ON p.oid = e.evtfoid \
         WHERE e.evtenabled <> 'D' AND NOT EXISTS (SELECT 1 FROM pg_depend AS d \
         WHERE d.classid = CAST('pg_event_trigger' AS regclass) AND d.objid = e.oid AND d.deptype = 'e')",
    )
});
static COMPLETE: LazyLock<Sql> = LazyLock::new(|| Sql::from_text(&format!("{ACTIVE} UNION ALL {STRUCTURE}")));
static LIMITED: LazyLock<Sql> = LazyLock::new(|| Sql::from_text(&format!("{ACTIVE} UNION ALL {NAMES}")));
/// Whether the database is distributed, what it is, whether its user may create a schema, and the process of the session.
static ABILITIES: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(
        "SELECT CAST(CASE WHEN EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'citus') THEN 1 ELSE 0 END AS bigint), \
         version(), \
         CAST(CASE WHEN has_database_privilege(current_database(), 'CREATE') THEN 1 ELSE 0 END AS bigint), \
         CAST(pg_backend_pid() AS bigint)",
    )
});

/// The end of a transaction that only reads, and is rolled back.
enum Ended {
    Read(Schemas),
    Failed(StoreError),
}

impl From<StoreError> for Ended {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

/// Reads the schema of the database, and the one that the migrations make in a transaction that is rolled back.
pub(super) async fn schemas(engine: &Engine, kind: PostgresKind) -> Result<Schemas, StoreError> {
    let read = engine.write(kind, |kind, session| {
        Box::pin(async move { Err::<(), _>(read_both(session, *kind).await.map_or_else(Ended::Failed, Ended::Read)) })
    });
    match read.await {
        Err(Ended::Read(schemas)) => Ok(schemas),
        Err(Ended::Failed(error)) => Err(error),
        Ok(()) => Err(crate::engine::corrupt("the schema for the comparison was not rolled back")),
    }
}

async fn read_both(session: &Session, kind: PostgresKind) -> Result<Schemas, StoreError> {
    let abilities = session
        .fetch_one(&ABILITIES, &[], |cells| {
            Ok((cells.int()? == 1, cells.text()?.to_owned(), cells.int()? == 1, cells.int()?))
        })
        .await?;
    let (has_citus, version, may_create, process) = abilities.unwrap_or_default();
    let is_distributed = match kind {
        PostgresKind::Detected => has_citus,
        PostgresKind::Single => false,
        PostgresKind::Distributed => true,
    };
    let limitation = match () {
        () if is_distributed => Some(Limitation::Distributed),
        // YugabyteDB says that it is PostgreSQL, and does not roll back tables.
        () if !version.starts_with("PostgreSQL ") || version.contains("-YB-") => Some(Limitation::OtherEngine),
        () if !may_create => Some(Limitation::MissingPrivilege),
        () => None,
    };
    let catalogue = if limitation.is_some() { &LIMITED } else { &COMPLETE };
    let mut found = session.fetch(catalogue, &[], Object::read).await?;
    found.extend(session.fetch(&EVENT_TRIGGERS, &[], Object::read).await?);
    if limitation.is_some() {
        return Ok(Schemas { found, expected: sqlite::names().await?, limitation });
    }
    // No other transaction has the process of this one, or sees its schema.
    for statement in ["CREATE SCHEMA", "SET LOCAL search_path TO"] {
        session.execute(&Sql::from_text(&format!("{statement} novantra_check_{process}")), &[]).await?;
    }
    migrations::create_schema(session).await?;
    let expected = session.fetch(catalogue, &[], Object::read).await?;
    Ok(Schemas { found, expected, limitation })
}
