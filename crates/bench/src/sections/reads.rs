//! A get by id and a page of 50 against a bare axum handler that returns the same bytes.

use std::time::Duration;

use crate::{
    context::BenchContext,
    failure::Outcome,
    figures::{Case, measure_interleaved},
    http::{Load, Request},
    report::{Row, Table, Target, Unit},
    sections::{
        Section, parts,
        workload::{CONNECTIONS, LIST, bare, ids},
    },
};

const ROUNDS: usize = 3;
const WINDOW: Duration = Duration::from_secs(2);

/// The number of findings that are read in turn.
const IDS: usize = 512;

pub(super) fn measure(bench: &BenchContext) -> Outcome<Table> {
    let stock = bench.small()?;
    let server = stock.serve(&[])?;
    let token = server.issue_token(&stock.account)?;
    let gets: Vec<Request> =
        ids(&server, &token, IDS)?.iter().map(|id| Request::get(format!("{LIST}/{id}")).bearer(&token)).collect();
    let page = Request::get(format!("{LIST}?limit=50")).bearer(&token);
    let bare = bare(&server, gets.iter().chain([&page]))?;

    let load = |host, requests: &[Request]| Load {
        host,
        requests: requests.to_vec(),
        connections: CONNECTIONS,
        expected: 200,
    };
    let pages = std::slice::from_ref(&page);
    let cases = [
        Case { program: &bare, load: load(bare.host()?, &gets) },
        Case { program: &server, load: load(server.host()?, &gets) },
        Case { program: &bare, load: load(bare.host()?, pages) },
        Case { program: &server, load: load(server.host()?, pages) },
    ];
    let [bare_get, get, bare_page, page] = measure_interleaved(cases, ROUNDS, WINDOW)?;

    let mut rows = vec![
        Row::new("get by id: bare handler", bare_get.cpu.median(), Unit::Micros).spread(bare_get.cpu.spread()),
        Row::new("get by id: novantra", get.cpu.median(), Unit::Micros).spread(get.cpu.spread()),
        Row::new("get by id: novantra ÷ bare", get.cpu.median() / bare_get.cpu.median(), Unit::Times)
            .with_target(Target::at_most(5.0).goal(3.5)),
        Row::new("get by id: novantra, calls", get.rate.median(), Unit::PerSecond).spread(get.rate.spread()),
        Row::new("page of 50: bare handler", bare_page.cpu.median(), Unit::Micros).spread(bare_page.cpu.spread()),
        Row::new("page of 50: novantra", page.cpu.median(), Unit::Micros).spread(page.cpu.spread()),
        Row::new("page of 50: novantra ÷ bare", page.cpu.median() / bare_page.cpu.median(), Unit::Times)
            .with_target(Target::at_most(40.0).goal(25.0)),
        Row::new("page of 50: novantra, calls", page.rate.median(), Unit::PerSecond).spread(page.rate.spread()),
    ];
    rows.extend(parts::by_thread("get by id", &get));
    rows.extend(parts::by_thread("page of 50", &page));
    rows.extend(parts::by_stage(&server, &stock.serve(&[("audit-reads", "buffered")])?, &stock.account, &gets)?);
    Ok(Table {
        name: "reads",
        title: Section::Reads.title(),
        method: format!(
            "CPU of the server's process per call, including sealing, {CONNECTIONS} keep-alive connections, durable \
             audit, 10⁴ findings; medians of {ROUNDS} rounds of {} s. The bare handler returns the same bytes.",
            WINDOW.as_secs()
        ),
        rows,
    })
}
