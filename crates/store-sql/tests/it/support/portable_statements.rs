//! The rules that let a distributed database run a statement, checked on the text of every statement that a store sends.
//!
//! A distributed database plans a statement by the organizations that it names. So a statement about several tables of
//! organizations must tie them to one organization, or to each other; one that joins rows to an array must name the
//! organizations of the array; rows of several organizations can't be locked; and no query runs inside another. It also
//! counts all rows that are selected for an insert as inserted, so those that conflict must be told by `RETURNING`.

use std::{collections::BTreeSet, thread};

use postgres_cluster::StatementProxy;

/// The tables of the installation, which stay with the coordinator.
const COORDINATOR_TABLES: &[&str] =
    &["audit_writers", "installation", "leases", "open_writes", "schema_migrations", "signing_keys"];

/// Statements that may be sent together in one simple query: they touch no table.
const SESSION_STATEMENTS: &[&str] = &["set ", "begin", "select set_config(", "select 1"];

/// A database behind a proxy. When it is dropped, all statements that were sent to it must be portable.
pub(crate) struct CheckedStatements(StatementProxy);

impl CheckedStatements {
    pub(crate) async fn start(url: &str) -> Self {
        Self(StatementProxy::start(url).await)
    }

    pub(crate) fn url(&self) -> &str {
        self.0.url()
    }

    fn violations(&self) -> BTreeSet<String> {
        let prepared: BTreeSet<String> = self.0.take_prepared().into_iter().collect();
        let simple: BTreeSet<String> = self.0.take_simple_queries().into_iter().collect();
        let found = simple.iter().filter_map(|text| Some(format!("{}: {text}", script_violation(text)?)));
        found.chain(prepared.iter().filter_map(|text| Some(format!("{}: {text}", violation(text)?)))).collect()
    }
}

impl Drop for CheckedStatements {
    fn drop(&mut self) {
        let violations = self.violations();
        assert!(violations.is_empty() || thread::panicking(), "{violations:#?}");
    }
}

/// A `SELECT`, `UPDATE` or `DELETE` with its own tables, apart from those of the queries inside of it.
#[derive(Default)]
struct Scope {
    tokens: Vec<String>,
    tables: Vec<Table>,
    /// The scope that contains this one.
    parent: Option<usize>,
    /// Whether it is the right side of an `IN` whose rows begin with the organization.
    is_list_of_organizations: bool,
}

struct Table {
    name: String,
    /// The name that its columns are qualified with, if they must be.
    alias: Option<String>,
    is_distributed: bool,
}

/// Returns the rule that a simple query breaks.
fn script_violation(text: &str) -> Option<&'static str> {
    let statements: Vec<String> =
        text.split(';').map(|part| part.trim().to_lowercase()).filter(|part| !part.is_empty()).collect();
    let is_session = |statement: &String| SESSION_STATEMENTS.iter().any(|start| statement.starts_with(start));
    (statements.len() > 1 && !statements.iter().all(is_session)).then_some("several statements in one query")
}

/// Returns the rule that a prepared statement breaks.
fn violation(text: &str) -> Option<String> {
    let tokens = tokens(text);
    if tokens.iter().any(|token| token == "lateral") {
        return Some("a query inside another, by LATERAL".to_owned());
    }
    let has = |word: &str| tokens.iter().any(|token| token == word);
    if has("unnest") && has("nothing") && !has("returning") {
        return Some("rows that conflict can't be told from inserted ones without RETURNING".to_owned());
    }
    if has("exists")
        && tokens.windows(3).any(|three| three[0].ends_with(".key") && three[1] == "=" && three[2].starts_with('$'))
    {
        return Some("a key that is NULL unties the tables: compare with COALESCE".to_owned());
    }
    let scopes = scopes(&tokens);
    let joins_array = tokens.iter().any(|token| token == "unnest");
    let locks_rows =
        tokens.windows(2).any(|pair| pair[0] == "for" && ["update", "share", "key", "no"].contains(&pair[1].as_str()));
    for (index, scope) in scopes.iter().enumerate() {
        for table in scope.tables.iter().filter(|table| table.is_distributed) {
            let name = &table.name;
            if joins_array && !is_tied(scope, table, &["any"]) {
                return Some(format!("{name} is joined to an array without naming its organizations"));
            }
            if locks_rows && !is_tied(scope, table, &["$"]) {
                return Some(format!("rows of {name} are locked without naming their organization"));
            }
            let is_alone = scope.tables.len() == 1 && !has_tables_around(&scopes, index);
            if !is_alone && !scope.is_list_of_organizations && !is_tied(scope, table, &["$", "any", "."]) {
                return Some(format!("{name} is not tied to an organization or to that of another table"));
            }
        }
    }
    None
}

fn has_tables_around(scopes: &[Scope], index: usize) -> bool {
    let mut around = scopes[index].parent;
    while let Some(parent) = around {
        if !scopes[parent].tables.is_empty() {
            return true;
        }
        around = scopes[parent].parent;
    }
    false
}

/// Whether the scope compares the organization of the table with a value that begins with one of these: `$` for a
/// parameter, `any` for an array, `.` for a column of another table.
fn is_tied(scope: &Scope, table: &Table, with: &[&str]) -> bool {
    let qualified = |token: &String| match token.rsplit_once('.') {
        Some((row, "organization_id")) => row == table.alias.as_deref().unwrap_or(&table.name),
        _ => token == "organization_id" && table.alias.is_none(),
    };
    let accepted = |token: &String| {
        with.iter()
            .any(|start| if *start == "." { token.ends_with(".organization_id") } else { token.starts_with(start) })
    };
    scope.tokens.windows(3).any(|three| {
        three[1] == "=" && (qualified(&three[0]) && accepted(&three[2]) || qualified(&three[2]) && accepted(&three[0]))
    })
}

/// Returns the scopes of the statement: the outermost first.
fn scopes(tokens: &[String]) -> Vec<Scope> {
    let mut scopes = vec![Scope::default()];
    // The scope that each open parenthesis returns to.
    let mut open = Vec::new();
    let mut current = 0;
    for (index, token) in tokens.iter().enumerate() {
        let next = tokens.get(index + 1).map_or("", String::as_str);
        match token.as_str() {
            "(" => {
                open.push(current);
                if ["select", "insert"].contains(&next) {
                    let is_list_of_organizations = index > 0
                        && tokens[index - 1] == "in"
                        && tokens.get(index + 2).is_some_and(|first| first == "organization_id");
                    let scope = Scope { parent: Some(current), is_list_of_organizations, ..Scope::default() };
                    scopes.push(scope);
                    current = scopes.len() - 1;
                }
                continue;
            }
            ")" => {
                current = open.pop().unwrap_or_default();
                continue;
            }
            "from" | "join" | "using" | "update" => {
                let is_clause = token == "update" && index > 0 && ["do", "for"].contains(&tokens[index - 1].as_str());
                if let Some(table) = table(&tokens[index + 1..]).filter(|_| !is_clause) {
                    scopes[current].tables.push(table);
                }
            }
            _ => {}
        }
        scopes[current].tokens.push(token.clone());
    }
    scopes
}

/// Returns the table whose name these tokens begin with.
fn table(tokens: &[String]) -> Option<Table> {
    let [name, rest @ ..] = tokens else { return None };
    let is_function = rest.first().is_some_and(|next| next == "(");
    // The rows that a common table expression stored.
    if is_function || name == "(" || name == "stored" || name.starts_with("pg_") {
        return None;
    }
    let alias = match rest {
        [keyword, alias, ..] if keyword == "as" => Some(alias.clone()),
        _ => None,
    };
    let is_distributed = name != "organizations" && !COORDINATOR_TABLES.contains(&name.as_str());
    Some(Table { name: name.clone(), alias, is_distributed })
}

/// Returns the words and symbols of the statement in lower case, without quoted texts and casts.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut quoted = false;
    for character in text.to_lowercase().chars() {
        if character == '\'' {
            quoted = !quoted;
        }
        let is_word = character.is_alphanumeric() || ['_', '.', '$'].contains(&character);
        if is_word && !quoted {
            word.push(character);
            continue;
        }
        if !word.is_empty() {
            tokens.push(std::mem::take(&mut word));
        }
        if !quoted && ['(', ')', '='].contains(&character) {
            tokens.push(character.to_string());
        }
    }
    tokens.extend(Some(word).filter(|word| !word.is_empty()));
    tokens
}

#[test]
fn statements_that_a_distributed_database_refuses_are_reported() {
    for (text, rule) in [
        ("SELECT a FROM findings AS f CROSS JOIN LATERAL (SELECT 1) AS x", "LATERAL"),
        ("SELECT subscription_id FROM webhook_lanes WHERE holder = $1 ORDER BY 1 FOR UPDATE", "locked"),
        ("SELECT revision FROM service_accounts WHERE id = $1 FOR SHARE", "locked"),
        (
            "DELETE FROM audit_waiting AS t USING unnest($1::text[], $2::text[]) AS v(organization_id, id) \
          WHERE t.organization_id = v.organization_id AND t.id = v.id",
            "array",
        ),
        (
            "UPDATE findings AS t SET a = v.a FROM (SELECT * FROM unnest($1::text[]) AS u(organization_id)) AS v \
          WHERE t.organization_id = v.organization_id",
            "array",
        ),
        ("SELECT o.id FROM organizations AS o WHERE EXISTS (SELECT 1 FROM outbox AS e WHERE e.id < $1)", "tied"),
        ("SELECT 1 FROM webhook_subscriptions AS s JOIN service_accounts AS a ON a.id = s.account_id", "tied"),
        (
            "UPDATE findings AS t SET a = $1 WHERE organization_id = $2 \
          AND NOT EXISTS (SELECT 1 FROM findings AS o WHERE o.name = $3)",
            "tied",
        ),
        (
            "UPDATE findings AS t SET a = $1 WHERE organization_id = $2 AND NOT EXISTS \
             (SELECT 1 FROM findings AS o WHERE o.key = $3 AND o.organization_id = t.organization_id)",
            "COALESCE",
        ),
        (
            "INSERT INTO idempotency (organization_id, key) SELECT * FROM unnest($1::text[], $2::text[]) \
             ON CONFLICT DO NOTHING",
            "RETURNING",
        ),
    ] {
        let found = violation(text);
        assert!(found.as_ref().is_some_and(|found| found.contains(rule)), "{rule}: {found:?}: {text}");
    }
    assert_eq!(
        script_violation("CREATE TABLE a (b text); CREATE INDEX c ON a (b)"),
        Some("several statements in one query")
    );
}

#[test]
fn statements_that_name_their_organizations_are_accepted() {
    for text in [
        "SELECT min(organization_id) FROM pending_events WHERE name IN ('finding.created') AND organization_id > $1",
        "SELECT revision FROM service_accounts WHERE organization_id = $1 AND id = $2 FOR SHARE",
        "SELECT 1 FROM leases WHERE name = $1 FOR SHARE",
        "INSERT INTO findings (organization_id, id) SELECT * FROM unnest($1::text[], $2::text[]) ON CONFLICT DO NOTHING \
         RETURNING id",
        "DELETE FROM audit_waiting AS t USING unnest($1::text[], $2::text[]) AS v(organization_id, id) \
         WHERE t.organization_id = v.organization_id AND t.id = v.id AND t.organization_id = ANY ($1 COLLATE \"POSIX\")",
        "DELETE FROM idempotency WHERE (organization_id, key) IN (SELECT organization_id, key FROM idempotency LIMIT $1)",
        "SELECT e.oldest, w.n FROM (SELECT min(created_at) AS oldest FROM outbox) AS e CROSS JOIN (SELECT count(*) AS n \
         FROM webhook_lanes AS l WHERE EXISTS (SELECT 1 FROM webhook_deliveries AS d \
         WHERE d.organization_id = l.organization_id)) AS w",
    ] {
        assert_eq!(violation(text), None, "{text}");
    }
    assert_eq!(script_violation("SET a = 1; SELECT set_config('b', 'c', false);"), None);
}
