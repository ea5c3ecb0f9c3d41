//! The components of a call's cost, as far as they can be measured from outside.

use std::time::Duration;

use crate::{
    failure::Outcome,
    figures::{Case, Figures, measure_interleaved},
    http::{Load, Request},
    report::{Row, Unit},
    sections::workload::CONNECTIONS,
    servers::{Account, Novantra},
};

const ROUNDS: usize = 2;
const WINDOW: Duration = Duration::from_millis(1500);

/// A path without a route.
const UNROUTED_PATH: &str = "/api/v1/nowhere";

/// Returns the share of each kind of thread.
pub(super) fn by_thread(label: &str, figures: &Figures) -> Vec<Row> {
    let total = figures.cpu.median();
    let threads = figures.threads().into_iter().filter(|(_, time)| *time > 0.001 * total);
    threads
        .map(|(name, time)| Row::new(format!("{label}, share of threads {name}"), time / total, Unit::Share))
        .collect()
}

/// Measures calls of which each executes one stage more than the previous one, so that the difference is the cost of
/// the stage. `buffered` is a server on the same data whose responses do not wait for their audit entries.
pub(super) fn by_stage(
    server: &Novantra,
    buffered: &Novantra,
    account: &Account,
    gets: &[Request],
) -> Outcome<Vec<Row>> {
    let (host, token) = (server.host()?, server.issue_token(account)?);
    let conditional: Vec<Request> = gets.iter().map(|get| get.clone().header("if-none-match", "*")).collect();
    let buffered_token = buffered.issue_token(account)?;
    let buffered_gets: Vec<Request> = gets.iter().map(|get| Request::get(get.path()).bearer(&buffered_token)).collect();
    let load = |host, requests, expected| Load { host, requests, connections: CONNECTIONS, expected };
    let stages = [
        ("stage: a probe (hyper, routing, log)", server, load(server.admin()?, vec![Request::get("/livez")], 200)),
        ("stage: an anonymous 404 (audit entry, sealing)", server, load(host, vec![Request::get(UNROUTED_PATH)], 404)),
        (
            "stage: an authenticated 404 (token, account status, limits)",
            server,
            load(host, vec![Request::get(UNROUTED_PATH).bearer(&token)], 404),
        ),
        ("stage: get by id, 304 (database read)", server, load(host, conditional, 304)),
        ("stage: get by id, 200 (serialization)", server, load(host, gets.to_vec(), 200)),
        ("get by id with NOVANTRA_AUDIT_READS=buffered", buffered, load(buffered.host()?, buffered_gets, 200)),
    ];
    let names = stages.each_ref().map(|(name, ..)| *name);
    let figures =
        measure_interleaved(stages.map(|(_, subject, load)| Case { program: subject, load }), ROUNDS, WINDOW)?;
    let rows = names.into_iter().zip(&figures);
    Ok(rows
        .map(|(name, figures)| Row::new(name, figures.cpu.median(), Unit::Micros).spread(figures.cpu.spread()))
        .collect())
}
