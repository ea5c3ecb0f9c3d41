//! The cost of a call's rate limits, which all servers share.

use std::time::Duration;

use super::{PostgresServer, READERS, WINDOW, observed};
use crate::{
    failure::{Context, Outcome},
    http::{Request, call},
    pause::sleep,
    report::{Row, Unit},
    sections::workload::LIST,
    servers::MeasuredProgram as _,
};

/// Measures how many exchanges with the shared buckets the calls of a busy caller cause, and what one costs PostgreSQL.
/// A caller with less than one call per second causes an exchange with each call.
pub(super) fn rows(served: &PostgresServer) -> Outcome<Vec<Row>> {
    let get = Request::get(format!("{LIST}?limit=1")).bearer(&served.token);
    let load = served.load(vec![get], READERS, 200)?;
    let before = written_rows(served)?;
    let calls = load.run(WINDOW)?.calls;
    served.server.wait_until_idle()?;
    let for_calls = written_rows(served)? - before;

    let account = served.server.create_account("rate-limit-bench")?;
    let request = account.token_request();
    let issue_token = || call(served.server.host()?, &request)?.expect_status(200).map(drop);
    let executed = observed::while_calling(&served.postgres, issue_token)?;
    let exchange = executed.iter().find(|statement| statement.text.contains("rate_limits"));
    let exchange = [exchange.context(|| format!("no statement uses rate limits: {executed:?}"))?.script("l")];
    let (before, cpu) = (written_rows(served)?, served.postgres.cpu_time()?);
    let exchanges = served.postgres.pgbench(served.folder.path(), &exchange, 1, WINDOW)? * WINDOW.as_secs_f64();
    let cpu = served.postgres.cpu_time()?.saturating_sub(cpu);
    let for_exchanges = written_rows(served)? - before;

    let per_exchange = cpu.as_secs_f64() * 1e6 / exchanges;
    let per_call = for_calls / (for_exchanges / exchanges) / calls as f64;
    Ok(vec![
        Row::new("limits: PostgreSQL's CPU per exchange", per_exchange, Unit::Micros),
        Row::new("limits: exchanges per 1,000 calls of a busy caller", per_call * 1000.0, Unit::Times),
        Row::new("limits: PostgreSQL's CPU per call of a busy caller", per_call * per_exchange, Unit::Micros),
    ])
}

/// Returns how many rows of buckets were written so far.
fn written_rows(served: &PostgresServer) -> Outcome<f64> {
    // Sessions report their statistics within a second.
    sleep(Duration::from_millis(1500));
    let count = "SELECT coalesce(sum(n_tup_ins + n_tup_upd), 0) FROM pg_stat_user_tables WHERE relname = 'rate_limits'";
    Ok(served.postgres.query(count)?.parse()?)
}
