//! Pages of the web app against the calls of the API that return what they show.

use std::time::Duration;

use serde_json::Value;

use crate::{
    context::BenchContext,
    failure::{Context, Outcome},
    figures::{Case, Figures, measure_interleaved},
    http::{Load, Request, call},
    report::{Row, Table, Target, Unit},
    sections::{Section, registers},
    servers::{Novantra, Visitor},
};

/// Connections of one person: more than their browsers have, and few enough for a person's share of the memory.
const CONNECTIONS: usize = 16;
const ROUNDS: usize = 5;
const WINDOW: Duration = Duration::from_secs(1);

/// The tags of the files that the browser loads before a page is painted.
const ASSETS: [&str; 2] = ["rel=\"stylesheet\" href=\"", "<script src=\""];

/// A page: its name, its address, and the calls that return what it shows. `{finding}` and the like stand for the
/// first record of a list.
type Page = (&'static str, &'static str, &'static [&'static str]);

const PAGES: &[Page] = &[
    ("findings", "/app/findings", &["governance/findings?limit=50"]),
    (
        "findings, filtered",
        "/app/findings?severity=critical,high&status=open,triaged",
        &["governance/findings?limit=50&severity=critical,high&status=open,triaged"],
    ),
    (
        "finding",
        "/app/findings/{governance/findings}",
        &["governance/findings/{governance/findings}", "audit/entries?limit=50&subjectId={governance/findings}"],
    ),
    ("edit a finding", "/app/findings/{governance/findings}/edit", &["governance/findings/{governance/findings}"]),
    ("risks", "/app/risks", &["governance/risks?limit=50"]),
    (
        "risk",
        "/app/risks/{governance/risks}",
        &["governance/risks/{governance/risks}", "audit/entries?limit=50&subjectId={governance/risks}"],
    ),
    ("edit a risk", "/app/risks/{governance/risks}/edit", &["governance/risks/{governance/risks}"]),
    (
        "evidence claim",
        "/app/evidence-claims/{governance/evidence/claims}",
        &[
            "governance/evidence/claims/{governance/evidence/claims}",
            "governance/evidence/claims/{governance/evidence/claims}/custody",
            "governance/evidence/requirements/{governance/evidence/requirements}",
            "audit/entries?limit=50&subjectId={governance/evidence/claims}",
        ],
    ),
    (
        "submission package",
        "/app/submission-packages/{governance/submissions/packages}",
        &[
            "governance/submissions/packages/{governance/submissions/packages}",
            "governance/submissions/packages/{governance/submissions/packages}/events",
            "audit/entries?limit=50&subjectId={governance/submissions/packages}",
        ],
    ),
    ("audit log", "/app/audit", &["audit/entries?limit=50"]),
    ("webhooks", "/app/developers/webhooks", &["webhooks/subscriptions"]),
];

/// Pages without calls that return what they show.
const OTHERS: &[(&str, &str)] = &[
    ("evidence to review", "/app/evidence"),
    ("calendar of submissions", "/app/submissions"),
    ("credentials", "/app/developers/api/credentials"),
    ("people", "/app/people"),
    ("audit entry", "/app/audit/{audit/entries}"),
];

pub(super) fn measure(bench: &BenchContext) -> Outcome<Table> {
    let findings = bench.records();
    let small = bench.small()?;
    let stock = registers::with_a_record_of_each(bench, &small.with_copied_findings(findings)?)?;
    let server = stock.serve(&[])?;
    let visitor = server.sign_in("lead")?;
    let token = server.issue_token(&stock.account)?;
    let mut rows = first_paint(&server, &visitor)?;
    let overview = figures(&server, vec![visitor.get("/app")])?;
    rows.push(
        Row::new("overview: CPU", overview.cpu.median() / 1e3, Unit::Millis)
            .spread(overview.cpu.spread())
            .with_target(Target::at_most(50.0)),
    );
    for (name, path, calls) in PAGES {
        let page = case(&server, vec![visitor.get(&filled(&server, &token, path)?)])?;
        let requests: Vec<Request> = calls
            .iter()
            .map(|path| Ok(Request::get(format!("/api/v1/{}", filled(&server, &token, path)?)).bearer(&token)))
            .collect::<Outcome<_>>()?;
        let [page, api] = measure_interleaved([page, case(&server, requests)?], ROUNDS, WINDOW)?;
        rows.extend(ratios(name, &page, &api, calls.len()));
    }
    for (name, path) in OTHERS {
        let page = figures(&server, vec![visitor.get(&filled(&server, &token, path)?)])?;
        rows.push(Row::new(format!("{name}: CPU"), page.cpu.median(), Unit::Micros).spread(page.cpu.spread()));
    }
    Ok(Table {
        name: "web-app",
        title: Section::WebApp.title(),
        method: format!(
            "CPU of the server's process per page, and the time it takes the load, {findings} findings over SQLite, {CONNECTIONS} \
             keep-alive connections, durable audit, including sealing; against the sum of the calls of the API that \
             return what the page shows; medians of {ROUNDS} alternating rounds of {} s.",
            WINDOW.as_secs()
        ),
        rows,
    })
}

fn ratios(name: &str, page: &Figures, api: &Figures, calls: usize) -> [Row; 4] {
    let calls = calls as f64;
    [
        Row::new(format!("{name}: CPU"), page.cpu.median(), Unit::Micros).spread(page.cpu.spread()),
        Row::new(format!("{name}: CPU of the calls"), api.cpu.median() * calls, Unit::Micros).spread(api.cpu.spread()),
        Row::new(format!("{name}, page ÷ calls: CPU"), page.cpu.median() / (api.cpu.median() * calls), Unit::Times)
            .with_target(Target::at_most(2.0)),
        Row::new(format!("{name}, page ÷ calls: time"), api.rate.median() / (page.rate.median() * calls), Unit::Times)
            .with_target(Target::at_most(2.0)),
    ]
}

fn case(server: &Novantra, requests: Vec<Request>) -> Outcome<Case<'_>> {
    let load = Load { host: server.host()?, requests, connections: CONNECTIONS, expected: 200 };
    Ok(Case { program: server, load })
}

fn figures(server: &Novantra, requests: Vec<Request>) -> Outcome<Figures> {
    let [figures] = measure_interleaved([case(server, requests)?], ROUNDS, WINDOW)?;
    Ok(figures)
}

/// The compressed sizes of what the browser loads before the overview and the list of findings are painted.
fn first_paint(server: &Novantra, visitor: &Visitor) -> Outcome<Vec<Row>> {
    let mut rows = Vec::new();
    for (name, path) in [("overview", "/app"), ("findings", "/app/findings")] {
        let page = call(server.host()?, &visitor.get(path))?.expect_status(200)?;
        let assets = ASSETS.iter().filter_map(|tag| page.body.split_once(tag)?.1.split('"').next().map(str::to_owned));
        let mut bytes = 0;
        for path in std::iter::once(path.to_owned()).chain(assets) {
            let request = visitor.get(&path).header("accept-encoding", "gzip");
            bytes += call(server.host()?, &request)?.expect_status(200)?.length;
        }
        rows.push(
            Row::new(format!("{name}: first paint, compressed"), bytes as f64 / 1024.0, Unit::Kibibytes)
                .with_target(Target::at_most(60.0)),
        );
    }
    Ok(rows)
}

/// Returns the path with the identifiers of the first records of the lists in it.
fn filled(server: &Novantra, token: &str, path: &str) -> Outcome<String> {
    let Some((before, rest)) = path.split_once('{') else { return Ok(path.to_owned()) };
    let (list, after) = rest.split_once('}').context(|| format!("{path} has a brace without its partner"))?;
    let request = Request::get(format!("/api/v1/{list}?limit=1")).bearer(token);
    let page: Value = call(server.host()?, &request)?.expect_status(200)?.json()?;
    let first = registers::records(&page).and_then(|records| records.first()?["id"].as_str());
    Ok(format!("{before}{}{after}", first.context(|| format!("{list} has no record"))?))
}
