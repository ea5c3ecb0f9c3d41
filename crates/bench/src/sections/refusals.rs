//! The entries and bytes that callers without valid credentials, and faulty requests, make the server store.

use std::{path::Path, time::Duration};

use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};

use crate::{
    context::BenchContext,
    failure::Outcome,
    http::{Load, Request, call},
    pause,
    report::{Row, Table, Target, Unit},
    sections::{
        Section,
        workload::{CONNECTIONS, LIST},
    },
    servers::{DATABASE, MeasuredProgram, Novantra},
};

const WINDOW: Duration = Duration::from_secs(5);

/// The lifetime of the token that expires.
const SHORT_LIFETIME: Duration = Duration::from_secs(60);

/// Calls that are alike have an entry when they begin, and one a minute for all others.
const MAX_ENTRIES: f64 = 2.0;

const FAULTY_ITEMS: usize = 500;
const UNKNOWN_FIELDS: usize = 20;

pub(super) fn measure(bench: &BenchContext) -> Outcome<Table> {
    let stock = bench.empty()?;
    let server = stock.serve(&[])?;
    let disabled = server.create_account("disabled")?;
    let token = server.issue_token(&disabled)?;
    server.disable_account(&disabled)?;
    let mut rows = Vec::new();
    rows.extend(flood(&server, "no token", &Request::get(LIST))?);
    rows.extend(flood(&server, "invalid token", &Request::get(format!("{LIST}/x")).bearer("nonsense"))?);
    rows.extend(flood(&server, "disabled account", &Request::get(LIST).bearer(&token))?);
    rows.extend(faulty_batch(&server, &server.issue_token(&stock.account)?)?);

    let short = format!("{}s", SHORT_LIFETIME.as_secs());
    let server = stock.serve(&[("token-lifetime", &short)])?;
    let token = server.issue_token(&stock.account)?;
    let request = Request::get(LIST).bearer(&token);
    let host = server.host()?;
    pause::poll_until("the token to expire", SHORT_LIFETIME * 2, Duration::from_secs(1), || {
        Ok((call(host, &request)?.status == 401).then_some(()))
    })?;
    rows.extend(flood(&server, "expired token", &request)?);
    Ok(Table {
        name: "refusals",
        title: Section::Refusals.title(),
        method: format!(
            "Refused calls over {CONNECTIONS} keep-alive connections for {} s without a rate limit, and the rows of the \
             audit log that they cause; one batch of {FAULTY_ITEMS} items with {UNKNOWN_FIELDS} unknown fields each.",
            WINDOW.as_secs()
        ),
        rows,
    })
}

/// Counts the sealed entries of all logs.
const ENTRIES: &str = "SELECT coalesce(sum(last_sequence - first_sequence + 1), 0) FROM \
                       (SELECT first_sequence, last_sequence FROM audit_runs \
                       UNION ALL SELECT first_sequence, last_sequence FROM audit_segments)";

/// Sends a call that is refused as fast as the server answers.
fn flood(server: &Novantra, name: &str, request: &Request) -> Outcome<[Row; 2]> {
    let database = server.folder().join(DATABASE);
    let entries = || query(&database, ENTRIES);
    let before = entries()?;
    let load = Load { host: server.host()?, requests: vec![request.clone()], connections: CONNECTIONS, expected: 401 };
    let result = load.run(WINDOW)?;
    server.wait_until_idle()?;
    let added = (entries()? - before) as f64;
    Ok([
        Row::new(format!("{name}, calls"), result.rate(), Unit::PerSecond),
        Row::new(format!("{name}, audit entries"), added, Unit::Count).with_target(Target::at_most(MAX_ENTRIES)),
    ])
}

/// Sends a batch in which every item is faulty.
fn faulty_batch(server: &Novantra, token: &str) -> Outcome<[Row; 3]> {
    let item: Value = (0..UNKNOWN_FIELDS).map(|field| (format!("f{field}"), json!(0))).collect();
    let body = json!({ "findings": vec![item; FAULTY_ITEMS], "reason": "to measure the response" }).to_string();
    let sent = body.len();
    let request = Request::post(format!("{LIST}/batch"), body).bearer(token).header("idempotency-key", "faulty");
    let answered = call(server.host()?, &request)?.expect_status(200)?.body.len();
    let kept: i64 = query(
        &server.folder().join(DATABASE),
        "SELECT length(body) + length(headers) FROM idempotency WHERE key = 'faulty'",
    )?;
    let kibibytes = |bytes: f64| bytes / 1024.0;
    Ok([
        Row::new("faulty batch, sent", kibibytes(sent as f64), Unit::Kibibytes),
        Row::new("faulty batch, answered", kibibytes(answered as f64), Unit::Kibibytes)
            .with_target(Target::at_most(128.0)),
        Row::new("faulty batch, kept", kibibytes(kept as f64), Unit::Kibibytes).with_target(Target::at_most(8.0)),
    ])
}

fn query(database: &Path, text: &str) -> Outcome<i64> {
    let connection = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    Ok(connection.query_row(text, [], |row| row.get(0))?)
}
