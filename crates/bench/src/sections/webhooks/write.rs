//! The cost of one write and its signed delivery, against a bare axum handler that returns the same bytes.

use std::time::Duration;

use super::DeliverySetup;
use crate::{
    context::BenchContext,
    failure::Outcome,
    figures::Series,
    http::{Load, Request, call},
    report::{Row, Target, Unit},
    sample,
    sections::workload::LIST,
    servers::{BareServer, MeasuredProgram},
};

const ROUNDS: usize = 3;
const WINDOW: Duration = Duration::from_secs(2);
const WRITERS: usize = 32;
/// Findings prepared for a round: more than any server can store in that time.
const PREPARED_REQUESTS: usize = 30_000;

pub(super) fn measure(bench: &BenchContext) -> Outcome<Vec<Row>> {
    let mut setup = DeliverySetup::start(bench, "novantra_bench_webhook_writes", 1)?;
    let host = setup.served.server.host()?;
    let first = request(&mut setup.next, &setup.served.token);
    let response = call(host, &first)?.expect_status(201)?;
    let bare = BareServer::with_responses([(LIST, &response)])?;
    let baseline = Load { host: bare.host()?, requests: vec![first], connections: WRITERS, expected: 201 };
    baseline.run(WINDOW / 2)?;

    let (mut bare_cpu, mut server, mut database) = (Series::default(), Series::default(), Series::default());
    for _ in 0..=ROUNDS {
        let before = bare.process().usage()?;
        let calls = baseline.run(WINDOW)?.calls;
        bare_cpu.push(micros(bare.process().usage()?.since(&before).total, calls));

        let requests = (0..PREPARED_REQUESTS).map(|_| request(&mut setup.next, &setup.served.token)).collect();
        let load = Load { host, requests, connections: WRITERS, expected: 201 };
        let received_before = setup.receiver.count();
        let (server_before, database_before) = setup.cpu_times()?;
        let calls = load.run(WINDOW)?.calls;
        setup.wait_for_deliveries(received_before + calls)?;
        setup.wait_until_idle()?;
        let (server_now, database_now) = setup.cpu_times()?;
        server.push(micros(server_now - server_before, calls));
        database.push(micros(database_now - database_before, calls));
    }
    let both = server.median() + database.median();
    Ok(vec![
        Row::new("a bare handler", bare_cpu.median(), Unit::Micros).spread(bare_cpu.spread()),
        Row::new("a write with its delivery: server", server.median(), Unit::Micros).spread(server.spread()),
        Row::new("a write with its delivery: PostgreSQL", database.median(), Unit::Micros).spread(database.spread()),
        Row::new("a write with its delivery, both ÷ bare", both / bare_cpu.median(), Unit::Times)
            .with_target(Target::at_most(64.0).goal(35.0)),
    ])
}

fn request(next: &mut usize, token: &str) -> Request {
    let request = Request::post(LIST, sample::single(*next)).bearer(token);
    *next += 1;
    request.header("idempotency-key", format!("bench-{next}"))
}

fn micros(spent: Duration, calls: u64) -> f64 {
    spent.as_secs_f64() * 1e6 / calls as f64
}
