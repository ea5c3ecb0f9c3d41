//! Rules that keep the schema and its statements to what distributed engines behind PostgreSQL's protocol have, too.

use super::{
    Breach,
    tree::{File, Tree},
};

/// Tables of the installation as a whole. They are small, and no organization's.
const INSTALLATION: &[&str] = &["installation", "leases", "open_writes", "schema_migrations", "signing_keys"];

/// Indexes over all organizations, each for a question that names none.
const OVER_ALL: &[&str] = &[
    // Slugs are unique in the installation.
    "organizations_slug",
    // A credential names an account and not its organization.
    "service_accounts_credential",
    // Upkeep forgets what has expired, whose ever it was.
    "idempotency_expiry",
    // Taken away again by a later migration.
    "audit_entries_unsealed",
    // Servers look for what is due to be sent, to whomever.
    "webhook_lanes_due",
];

/// What needs one place that all machines agree with, or a session that outlasts a transaction.
const CENTRAL: &[&str] = &["serial", "bigserial", "smallserial", "identity", "nextval", "trigger", "listen", "notify"];

/// The same in two words.
const CENTRAL_PAIRS: &[&str] = &["create sequence", "lock table", "with hold"];

const ADVISORY: &str = "pg_advisory";

pub(super) fn migrations_are_portable(tree: &Tree) -> Vec<Breach> {
    let migrations = tree.files.iter().filter(|file| file.path.starts_with("migrations/postgres/"));
    migrations.flat_map(|file| statements(file).into_iter().filter_map(|statement| judged(file, &statement))).collect()
}

pub(super) fn statements_hold_no_lock_beyond_rows(tree: &Tree) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for file in tree.sources().filter(|file| file.path.starts_with("crates/store-sql/src/")) {
        for (index, line) in file.text.lines().enumerate() {
            let central = line.contains(ADVISORY)
                || ["\"LISTEN ", "\"LOCK TABLE ", "nextval("].iter().any(|word| line.contains(word));
            if central {
                let says = "locks live in rows: no advisory lock, LISTEN, table lock or sequence";
                breaches.push(Breach { path: file.path.clone(), line: Some(index + 1), says: says.to_owned() });
            }
        }
    }
    breaches
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

/// What is wrong with the statement, if anything is.
fn judged(file: &File, statement: &Statement) -> Option<Breach> {
    let text = &statement.text;
    let words = || text.split(|character: char| !character.is_alphanumeric() && character != '_');
    let central = words().find(|word| CENTRAL.contains(word) || word.starts_with(ADVISORY));
    let central = central.or_else(|| CENTRAL_PAIRS.iter().copied().find(|pair| text.contains(pair)));
    let says = match central {
        Some(word) => format!("no {word}: it needs one place that all machines agree with"),
        None => format!("{} begins with organization_id", unled(text)?),
    };
    Some(Breach { path: file.path.clone(), line: Some(statement.line), says })
}

/// The first key or index of the statement that does not begin with the organization.
fn unled(text: &str) -> Option<String> {
    let led = |columns: &str| columns.trim_start().starts_with("organization_id");
    if let Some(index) = text.strip_prefix("create unique index ").or_else(|| text.strip_prefix("create index ")) {
        let name = index.split_whitespace().next().unwrap_or_default();
        let columns = index.split_once('(').map_or("", |(_, columns)| columns);
        return (!led(columns) && !OVER_ALL.contains(&name)).then(|| format!("the index {name}"));
    }
    let table = text.strip_prefix("create table ").or_else(|| text.strip_prefix("alter table "))?;
    let name = table.trim_start_matches("if not exists ").split_whitespace().next().unwrap_or_default();
    if INSTALLATION.contains(&name) {
        return None;
    }
    let keys = ["primary key", "unique", "foreign key", "references"];
    let unled = keys.into_iter().find(|key| {
        let after = table.split(key).skip(1);
        // A key of one column is said beside the column, without a list of its own.
        after.map(|rest| rest.trim_start()).any(|rest| match rest.strip_prefix('(') {
            Some(columns) => !led(columns),
            None => *key != "references" && !table.contains("organization_id text collate \"c\" not null primary key"),
        })
    });
    unled.map(|key| format!("{key} of {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(sql: &str) -> Vec<String> {
        let tree = Tree::of(&[("migrations/postgres/0001_x.sql", sql)]);
        migrations_are_portable(&tree).into_iter().map(|breach| breach.says).collect()
    }

    #[test]
    fn a_key_or_index_without_the_organization_in_front_is_named() {
        assert_eq!(
            says("CREATE TABLE things (\n organization_id text,\n id text,\n PRIMARY KEY (organization_id, id)\n);"),
            [""; 0]
        );
        assert_eq!(
            says("CREATE TABLE things (id text, PRIMARY KEY (id));"),
            ["primary key of things begins with organization_id"]
        );
        assert_eq!(
            says("CREATE TABLE things (id text NOT NULL PRIMARY KEY);"),
            ["primary key of things begins with organization_id"]
        );
        assert_eq!(
            says("CREATE TABLE things (organization_id text, UNIQUE (slug));"),
            ["unique of things begins with organization_id"]
        );
        assert_eq!(
            says("CREATE INDEX things_name ON things (name);"),
            ["the index things_name begins with organization_id"]
        );
        assert_eq!(
            says(
                "CREATE UNIQUE INDEX a ON things (organization_id, name);\nCREATE INDEX idempotency_expiry ON idempotency (expires_at);"
            ),
            [""; 0]
        );
        assert_eq!(says("CREATE TABLE leases (name text NOT NULL PRIMARY KEY);"), [""; 0]);
        assert_eq!(
            says("CREATE TABLE audit_heads (organization_id text COLLATE \"C\" NOT NULL PRIMARY KEY);"),
            [""; 0]
        );
        assert_eq!(
            says("ALTER TABLE things ADD FOREIGN KEY (other_id) REFERENCES others (id);"),
            ["foreign key of things begins with organization_id"]
        );
    }

    #[test]
    fn what_needs_one_place_for_all_is_named_with_its_line() {
        for bad in [
            "CREATE TABLE leases (id bigserial);",
            "ALTER TABLE things ADD COLUMN n bigint GENERATED ALWAYS AS IDENTITY;",
            "CREATE SEQUENCE numbers;",
            "CREATE TRIGGER t AFTER INSERT ON things EXECUTE FUNCTION f();",
            "SELECT pg_advisory_xact_lock(1);",
            "LISTEN changes;",
        ] {
            assert_eq!(says(bad).len(), 1, "{bad}");
        }
        let tree = Tree::of(&[("migrations/postgres/0001_x.sql", "-- serial in words\n\nLOCK TABLE things;")]);
        assert_eq!(migrations_are_portable(&tree)[0].line, Some(3));
        assert_eq!(says("CREATE INDEX a ON audit_entries (organization_id, sequence);"), [""; 0]);
    }

    #[test]
    fn a_statement_that_locks_more_than_rows_is_named() {
        let tree = Tree::of(&[
            ("crates/store-sql/src/a.rs", "fine\nrun(\"SELECT pg_advisory_lock(1)\")"),
            ("crates/store-sql/src/b.rs", "run(\"LISTEN changes\")"),
            ("crates/bench/src/a.rs", "pg_advisory_lock"),
        ]);
        let places: Vec<_> =
            statements_hold_no_lock_beyond_rows(&tree).into_iter().map(|breach| (breach.path, breach.line)).collect();
        assert_eq!(
            places,
            [("crates/store-sql/src/a.rs".to_owned(), Some(2)), ("crates/store-sql/src/b.rs".to_owned(), Some(1))]
        );
    }
}
