//! What a call's cost is made of, as far as it can be told from outside.

use std::time::Duration;

use crate::{
    failure::Outcome,
    figures::{Case, Figures, take_turns},
    http::{Load, Request},
    report::{Row, Unit},
    sections::reads::CONNECTIONS,
    servers::{Account, Novantra},
};

const ROUNDS: usize = 2;
const WINDOW: Duration = Duration::from_millis(1500);

/// No route leads here.
const NOWHERE: &str = "/api/v1/nowhere";

/// The share of each kind of thread.
pub(super) fn by_thread(what: &str, figures: &Figures) -> Vec<Row> {
    let whole = figures.cpu.median();
    let threads = figures.threads().into_iter().filter(|(_, spent)| *spent > 0.001 * whole);
    threads
        .map(|(name, spent)| Row::new(format!("{what}, share of threads {name}"), spent / whole, Unit::Share))
        .collect()
}

/// Calls that go a step further each: what one costs more than the last is that step's share. `buffered` is a server on the
/// same data whose answers do not wait for their audit entries.
pub(super) fn by_stage(
    server: &Novantra,
    buffered: &Novantra,
    account: &Account,
    gets: &[Request],
) -> Outcome<Vec<Row>> {
    let (host, token) = (server.host()?, server.token(account)?);
    let conditional: Vec<Request> = gets.iter().map(|get| get.clone().header("if-none-match", "*")).collect();
    let own = buffered.token(account)?;
    let apart: Vec<Request> = gets.iter().map(|get| Request::get(get.path()).bearer(&own)).collect();
    let ask = |host, requests, expected| Load { host, requests, connections: CONNECTIONS, expected };
    let stages = [
        ("stage: a probe (hyper, routing, log)", server, ask(server.admin()?, vec![Request::get("/livez")], 200)),
        ("stage: a stranger's 404 (audit entry, sealing)", server, ask(host, vec![Request::get(NOWHERE)], 404)),
        (
            "stage: an account's 404 (token, standing, limits)",
            server,
            ask(host, vec![Request::get(NOWHERE).bearer(&token)], 404),
        ),
        ("stage: get by id, 304 (reading)", server, ask(host, conditional, 304)),
        ("stage: get by id, 200 (writing out)", server, ask(host, gets.to_vec(), 200)),
        ("get by id with NOVANTRA_AUDIT_READS=buffered", buffered, ask(buffered.host()?, apart, 200)),
    ];
    let names = stages.each_ref().map(|(name, ..)| *name);
    let figures = take_turns(stages.map(|(_, subject, load)| Case { subject, load }), ROUNDS, WINDOW)?;
    let rows = names.into_iter().zip(&figures);
    Ok(rows
        .map(|(name, figures)| Row::new(name, figures.cpu.median(), Unit::Micros).spread(figures.cpu.spread()))
        .collect())
}
