//! What the rate limits that all servers share cost a call.

use std::time::Duration;

use super::{READERS, Served, WINDOW, observed};
use crate::{
    failure::{Context, Outcome},
    http::{Request, call},
    pause::rest,
    report::{Row, Unit},
    sections::reads::LIST,
    servers::Subject as _,
};

/// How many questions a busy caller's calls come to, and what one costs PostgreSQL. A caller that calls less than once a
/// second pays for a whole question with each call.
pub(super) fn rows(served: &Served) -> Outcome<Vec<Row>> {
    let get = Request::get(format!("{LIST}?limit=1")).bearer(&served.token);
    let load = served.load(vec![get], READERS, 200)?;
    let before = written(served)?;
    let calls = load.run(WINDOW)?.calls;
    served.server.settle()?;
    let for_calls = written(served)? - before;

    let account = served.server.account("asks-about-its-limit")?;
    let request = account.token_request();
    let asking = || call(served.server.host()?, &request)?.expect(200).map(drop);
    let executed = observed::while_calling(&served.postgres, asking)?;
    let question = executed.iter().find(|statement| statement.text.contains("rate_limits"));
    let question = [question.or_fail(|| format!("no statement asks about limits among {executed:?}"))?.script("l")];
    let (before, spent) = (written(served)?, served.postgres.spent()?);
    let asked = served.postgres.pgbench(served.folder.path(), &question, 1, WINDOW)? * WINDOW.as_secs_f64();
    let spent = served.postgres.spent()?.saturating_sub(spent);
    let for_questions = written(served)? - before;

    let each = spent.as_secs_f64() * 1e6 / asked;
    let per_call = for_calls / (for_questions / asked) / calls as f64;
    Ok(vec![
        Row::new("limits: PostgreSQL's CPU of a question", each, Unit::Micros),
        Row::new("limits: questions for 1,000 calls of a busy caller", per_call * 1000.0, Unit::Times),
        Row::new("limits: PostgreSQL's CPU of a busy caller's call", per_call * each, Unit::Micros),
    ])
}

/// How many rows of buckets were written so far.
fn written(served: &Served) -> Outcome<f64> {
    // Sessions tell what they did within a second.
    rest(Duration::from_millis(1500));
    let count = "SELECT coalesce(sum(n_tup_ins + n_tup_upd), 0) FROM pg_stat_user_tables WHERE relname = 'rate_limits'";
    Ok(served.postgres.ask(count)?.parse()?)
}
