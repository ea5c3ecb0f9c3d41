//! The cost of a page over PostgreSQL does not depend on its depth or on the size of the collection.

use std::time::Duration;

use super::PostgresServer;
use crate::{
    context::BenchContext,
    failure::Outcome,
    figures::{Case, measure_interleaved},
    http::{Load, Request},
    report::{Row, Table, Target, Unit},
    sections::{
        Section,
        pages::page_at,
        workload::{CONNECTIONS, LIST, ids},
    },
};

const ROUNDS: usize = 5;
const WINDOW: Duration = Duration::from_millis(1500);
const FEW: usize = 10_000;
const MANY: usize = 1_000_000;
const DEPTH: usize = 1000;
const SIZE: usize = 50;
const IDS: usize = 500;

pub(in crate::sections) fn measure(bench: &BenchContext) -> Outcome<Table> {
    let few = PostgresServer::start(bench, "novantra_bench_few", &[])?;
    few.fill(FEW)?;
    let many = with_many_findings(bench, "novantra_bench_many", MANY)?;

    let first = format!("{LIST}?limit={SIZE}");
    let page = |served: &PostgresServer, path: &str| vec![Request::get(path).bearer(&served.token)];
    let gets = |served: &PostgresServer, ids: &[String]| -> Vec<Request> {
        ids.iter().map(|id| Request::get(format!("{LIST}/{id}")).bearer(&served.token)).collect()
    };
    let few_ids = ids(&few.server, &few.token, IDS)?;
    let many_ids: Vec<String> =
        (0..IDS).map(|index| format!("find_{}", copy_id(1 + index * (MANY - FEW) / IDS))).collect();
    let deep = page_at(&many.server, &many.token, DEPTH, SIZE)?;
    let case = |served: &'_ PostgresServer, requests| -> Outcome<Load> { served.load(requests, CONNECTIONS, 200) };
    let cases = [
        Case { program: &few.server, load: case(&few, gets(&few, &few_ids))? },
        Case { program: &many.server, load: case(&many, gets(&many, &many_ids))? },
        Case { program: &few.server, load: case(&few, page(&few, &first))? },
        Case { program: &many.server, load: case(&many, page(&many, &first))? },
        Case { program: &many.server, load: case(&many, page(&many, &deep))? },
    ];
    let [few_get, many_get, few_page, many_page, deep_page] = measure_interleaved(cases, ROUNDS, WINDOW)?;

    let latencies = [
        ("10⁴ findings, get by id", &few_get),
        ("10⁶ findings, get by id", &many_get),
        ("10⁴ findings, page 1", &few_page),
        ("10⁶ findings, page 1", &many_page),
        ("10⁶ findings, page 1,000", &deep_page),
    ];
    let mut rows: Vec<Row> = latencies
        .iter()
        .map(|(label, figures)| {
            Row::new(format!("{label}: median latency"), figures.latency.median() / 1000.0, Unit::Millis)
                .spread(figures.latency.spread())
        })
        .collect();
    let ratios = [
        ("get by id, 10⁶ ÷ 10⁴ findings", &many_get, &few_get),
        ("page 1, 10⁶ ÷ 10⁴ findings", &many_page, &few_page),
        ("page 1,000 ÷ page 1", &deep_page, &many_page),
    ];
    rows.extend(ratios.map(|(label, cost, baseline)| {
        Row::new(label, cost.latency.median() / baseline.latency.median(), Unit::Times)
            .with_target(Target::at_most(1.2))
    }));
    Ok(Table {
        name: "postgres-pages",
        title: Section::PostgresPages.title(),
        method: format!(
            "{CONNECTIONS} keep-alive connections, a page of {SIZE}, durable audit; server, load and database share \
             the machine, so the latency under full load is the cost of both; medians of {ROUNDS} alternating \
             rounds."
        ),
        rows,
    })
}

/// Starts a server over this many findings, of which only the first are created through the API.
pub(in crate::sections) fn with_many_findings(
    bench: &BenchContext,
    name: &str,
    findings: usize,
) -> Outcome<PostgresServer> {
    let served = PostgresServer::start(bench, name, &[])?;
    served.fill(FEW)?;
    multiply(&served, findings - FEW)?;
    Ok(served)
}

/// The length of an identifier after its prefix.
const ULID_LENGTH: usize = 26;

/// Returns the identifier of a copy.
fn copy_id(number: usize) -> String {
    format!("{number:0ULID_LENGTH$}")
}

/// Adds copies of the oldest finding, older than it.
fn multiply(served: &PostgresServer, findings: usize) -> Outcome<()> {
    served.postgres.query(&format!(
        "INSERT INTO findings SELECT (jsonb_populate_record(one.row, jsonb_build_object( \
             'id', lpad(i::text, {ULID_LENGTH}, '0'), 'key', 'copy-' || i))).* \
         FROM (SELECT findings AS row FROM findings ORDER BY id LIMIT 1) AS one, generate_series(1, {findings}) AS i"
    ))?;
    served.postgres.query("VACUUM ANALYZE")?;
    served.postgres.query("CHECKPOINT")?;
    Ok(())
}
