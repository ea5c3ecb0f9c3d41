//! Rules that keep the schema and its statements within what distributed PostgreSQL-wire engines support.

use super::{
    Violation,
    tree::{File, Tree},
};

/// Small tables of the whole installation, which belong to no organization.
const INSTALLATION_TABLES: &[&str] =
    &["audit_writers", "installation", "leases", "open_writes", "schema_migrations", "signing_keys"];

/// Indexes over all organizations, each for a query that names none.
const CROSS_ORGANIZATION_INDEXES: &[&str] = &[
    // Slugs are unique in the installation.
    "organizations_slug",
    // A credential names an account and not its organization.
    "service_accounts_credential",
    // Maintenance deletes expired keys of all organizations.
    "idempotency_expiry",
    // Dropped by a later migration.
    "audit_entries_unsealed",
    // Servers look for due deliveries of all organizations.
    "webhook_lanes_due",
    // Servers look for claims of all organizations whose validity has ended.
    "evidence_claims_expiry",
    // Servers look for attachments of all organizations that nobody linked.
    "evidence_attachments_unlinked",
    // Maintenance deletes expired sessions and links of all organizations.
    "table_imports_expiry",
    "user_sessions_expiry",
    "user_links_expiry",
    // Maintenance deletes the calls of all organizations past their retention.
    "account_calls_age",
];

/// Features that need one coordinating node, or a session that outlasts a transaction.
const COORDINATED: &[&str] =
    &["serial", "bigserial", "smallserial", "identity", "nextval", "trigger", "listen", "notify"];

/// Such features that are spelled with two words.
const COORDINATED_PAIRS: &[&str] = &["create sequence", "lock table", "with hold"];

const ADVISORY: &str = "pg_advisory";

pub(super) fn migrations_are_portable(tree: &Tree) -> Vec<Violation> {
    let migrations = tree.files.iter().filter(|file| file.path.starts_with("migrations/postgres/"));
    migrations.flat_map(|file| statements(file).into_iter().filter_map(|statement| check(file, &statement))).collect()
}

pub(super) fn statements_are_portable(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for file in tree.sources().filter(|file| file.path.starts_with("crates/store-sql/src/")) {
        for (index, line) in file.text.lines().enumerate() {
            let coordinated = line.contains(ADVISORY)
                || ["\"LISTEN ", "\"LOCK TABLE ", "nextval("].iter().any(|word| line.contains(word));
            if coordinated {
                let message = "use row locks: no advisory lock, LISTEN, table lock or sequence";
                violations.push(Violation::at_line(&file.path, index + 1, message));
            }
            if line.contains(" LATERAL ") {
                let message = "send a query for each row in a pipeline: no query inside another";
                violations.push(Violation::at_line(&file.path, index + 1, message));
            }
        }
    }
    violations
}

struct Statement {
    line: usize,
    /// In lower case, with single spaces.
    text: String,
}

/// The statements of a file without their comments.
fn statements(file: &File) -> Vec<Statement> {
    let mut statements = Vec::new();
    let mut text = String::new();
    let mut line = 1;
    for (index, written) in file.text.lines().enumerate() {
        let code = written.split_once("--").map_or(written, |(code, _)| code).trim();
        if text.is_empty() {
            line = index + 1;
        }
        for word in code.split_whitespace() {
            text.push_str(&word.to_ascii_lowercase());
            text.push(' ');
        }
        if code.ends_with(';') {
            statements.push(Statement { line, text: std::mem::take(&mut text) });
        }
    }
    statements
}

/// The violation in the statement, if there is one.
fn check(file: &File, statement: &Statement) -> Option<Violation> {
    let text = &statement.text;
    let words = || text.split(|character: char| !character.is_alphanumeric() && character != '_');
    let coordinated = words().find(|word| COORDINATED.contains(word) || word.starts_with(ADVISORY));
    let coordinated = coordinated.or_else(|| COORDINATED_PAIRS.iter().copied().find(|pair| text.contains(pair)));
    let message = match coordinated {
        Some(word) => format!("no {word}: it needs one node that coordinates all others"),
        None => format!("{} must begin with organization_id", key_without_organization(text)?),
    };
    Some(Violation::at_line(&file.path, statement.line, message))
}

/// The first key or index of the statement that does not begin with the organization.
fn key_without_organization(text: &str) -> Option<String> {
    let has_organization = |columns: &str| columns.trim_start().starts_with("organization_id");
    if let Some(index) = text.strip_prefix("create unique index ").or_else(|| text.strip_prefix("create index ")) {
        let name = index.split_whitespace().next().unwrap_or_default();
        let columns = index.split_once('(').map_or("", |(_, columns)| columns);
        return (!has_organization(columns) && !CROSS_ORGANIZATION_INDEXES.contains(&name))
            .then(|| format!("the index {name}"));
    }
    let table = text.strip_prefix("create table ").or_else(|| text.strip_prefix("alter table "))?;
    let name = table.trim_start_matches("if not exists ").split_whitespace().next().unwrap_or_default();
    if INSTALLATION_TABLES.contains(&name) {
        return None;
    }
    let keys = ["primary key", "unique", "foreign key", "references"];
    let violating = keys.into_iter().find(|key| {
        let after = table.split(key).skip(1);
        // A key of one column is declared at the column, without a column list.
        after.map(|rest| rest.trim_start()).any(|rest| match rest.strip_prefix('(') {
            Some(columns) => !has_organization(columns),
            None => *key != "references" && !table.contains("organization_id text collate \"c\" not null primary key"),
        })
    });
    violating.map(|key| format!("{key} of {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(sql: &str) -> Vec<String> {
        let tree = Tree::from_files(&[("migrations/postgres/0001_x.sql", sql)]);
        migrations_are_portable(&tree).into_iter().map(|violation| violation.message).collect()
    }

    #[test]
    fn a_key_or_index_that_does_not_lead_with_the_organization_is_reported() {
        assert_eq!(
            messages(
                "CREATE TABLE things (\n organization_id text,\n id text,\n PRIMARY KEY (organization_id, id)\n);"
            ),
            [""; 0]
        );
        assert_eq!(
            messages("CREATE TABLE things (id text, PRIMARY KEY (id));"),
            ["primary key of things must begin with organization_id"]
        );
        assert_eq!(
            messages("CREATE TABLE things (id text NOT NULL PRIMARY KEY);"),
            ["primary key of things must begin with organization_id"]
        );
        assert_eq!(
            messages("CREATE TABLE things (organization_id text, UNIQUE (slug));"),
            ["unique of things must begin with organization_id"]
        );
        assert_eq!(
            messages("CREATE INDEX things_name ON things (name);"),
            ["the index things_name must begin with organization_id"]
        );
        assert_eq!(
            messages(
                "CREATE UNIQUE INDEX a ON things (organization_id, name);\nCREATE INDEX idempotency_expiry ON idempotency (expires_at);"
            ),
            [""; 0]
        );
        assert_eq!(messages("CREATE TABLE leases (name text NOT NULL PRIMARY KEY);"), [""; 0]);
        assert_eq!(
            messages("CREATE TABLE audit_heads (organization_id text COLLATE \"C\" NOT NULL PRIMARY KEY);"),
            [""; 0]
        );
        assert_eq!(
            messages("ALTER TABLE things ADD FOREIGN KEY (other_id) REFERENCES others (id);"),
            ["foreign key of things must begin with organization_id"]
        );
    }

    #[test]
    fn a_feature_that_needs_a_coordinating_node_is_reported_with_its_line() {
        for bad in [
            "CREATE TABLE leases (id bigserial);",
            "ALTER TABLE things ADD COLUMN n bigint GENERATED ALWAYS AS IDENTITY;",
            "CREATE SEQUENCE numbers;",
            "CREATE TRIGGER t AFTER INSERT ON things EXECUTE FUNCTION f();",
            "SELECT pg_advisory_xact_lock(1);",
            "LISTEN changes;",
        ] {
            assert_eq!(messages(bad).len(), 1, "{bad}");
        }
        let tree = Tree::from_files(&[("migrations/postgres/0001_x.sql", "-- serial in words\n\nLOCK TABLE things;")]);
        assert_eq!(migrations_are_portable(&tree)[0].line, Some(3));
        assert_eq!(messages("CREATE INDEX a ON audit_entries (organization_id, sequence);"), [""; 0]);
    }

    #[test]
    fn a_statement_that_locks_more_than_rows_or_contains_a_lateral_query_is_reported() {
        let tree = Tree::from_files(&[
            ("crates/store-sql/src/a.rs", "fine\nrun(\"SELECT pg_advisory_lock(1)\")"),
            ("crates/store-sql/src/b.rs", "run(\"LISTEN changes\")"),
            ("crates/store-sql/src/c.rs", "\"SELECT 1 FROM a CROSS JOIN LATERAL (SELECT 2) AS b\""),
            ("crates/bench/src/a.rs", "pg_advisory_lock"),
        ]);
        let lines: Vec<_> =
            statements_are_portable(&tree).into_iter().map(|violation| (violation.path, violation.line)).collect();
        assert_eq!(
            lines,
            ["a.rs", "b.rs", "c.rs"]
                .map(|file| format!("crates/store-sql/src/{file}"))
                .into_iter()
                .zip([Some(2), Some(1), Some(1)])
                .collect::<Vec<_>>()
        );
    }
}
