//! The cost of a page does not depend on its depth or on the size of the collection.

use std::time::Duration;

use crate::{
    context::BenchContext,
    failure::{Context, Outcome},
    figures::{Case, Figures, Series, measure_interleaved},
    http::{Load, Request, call},
    report::{Row, Table, Target, Unit},
    sections::{
        Section,
        workload::{CONNECTIONS, LIST},
    },
    servers::{DataSet, Novantra},
};

const ROUNDS: usize = 5;
const WINDOW: Duration = Duration::from_millis(1200);

const DEPTH: usize = 1000;
const SIZE: usize = 50;

pub(super) fn measure(bench: &BenchContext) -> Outcome<Table> {
    let (small, large) =
        (ReadableServer::from_data_set(bench.small()?)?, ReadableServer::from_data_set(bench.large()?)?);
    let first = format!("{LIST}?limit={SIZE}");
    let deep = page_at(&large.server, &large.token, DEPTH, SIZE)?;
    let [few, many, far] =
        measure_interleaved([small.case(&first)?, large.case(&first)?, large.case(&deep)?], ROUNDS, WINDOW)?;

    let mut rows = Vec::new();
    for (name, figures) in
        [("10⁴ findings, page 1", &few), ("10⁵ findings, page 1", &many), ("10⁵ findings, page 1,000", &far)]
    {
        let Figures { cpu, latency, .. } = figures;
        rows.push(Row::new(format!("{name}: CPU"), cpu.median(), Unit::Micros).spread(cpu.spread()));
        rows.push(
            Row::new(format!("{name}: median latency"), latency.median() / 1000.0, Unit::Millis)
                .spread(latency.spread()),
        );
    }
    rows.extend(ratio_rows("page 1,000 ÷ page 1", &far, &many));
    rows.extend(ratio_rows("10⁵ ÷ 10⁴ findings", &many, &few));
    Ok(Table {
        name: "pages",
        title: Section::Pages.title(),
        method: format!(
            "A page of {SIZE}, {CONNECTIONS} keep-alive connections, durable audit, including sealing; medians of \
             {ROUNDS} alternating rounds."
        ),
        rows,
    })
}

/// Returns the ratios, which must be at most 1.2.
fn ratio_rows(label: &str, cost: &Figures, baseline: &Figures) -> Vec<Row> {
    let ratio = |figure: fn(&Figures) -> &Series| figure(cost).median() / figure(baseline).median();
    let row = |name: &str, ratio: f64| {
        Row::new(format!("{label}: {name}"), ratio, Unit::Times).with_target(Target::at_most(1.2))
    };
    vec![row("CPU", ratio(|figures| &figures.cpu)), row("median latency", ratio(|figures| &figures.latency))]
}

/// A server and a token to read it with.
struct ReadableServer {
    server: Novantra,
    token: String,
}

impl ReadableServer {
    fn from_data_set(stock: &DataSet) -> Outcome<Self> {
        let server = stock.serve(&[])?;
        let token = server.issue_token(&stock.account)?;
        Ok(Self { server, token })
    }

    fn case(&self, path: &str) -> Outcome<Case<'_>> {
        let requests = vec![Request::get(path).bearer(&self.token)];
        let load = Load { host: self.server.host()?, requests, connections: CONNECTIONS, expected: 200 };
        Ok(Case { program: &self.server, load })
    }
}

/// Returns the path of the page of `size` at this depth, by following the cursors to it.
pub(super) fn page_at(server: &Novantra, token: &str, depth: usize, size: usize) -> Outcome<String> {
    let mut path = format!("{LIST}?limit={size}");
    for _ in 1..depth {
        let page = call(server.host()?, &Request::get(path).bearer(token))?.expect_status(200)?.json()?;
        let cursor = page["pagination"]["nextCursor"].as_str().context(|| format!("there is no page {depth}"))?;
        path = format!("{LIST}?limit={size}&cursor={cursor}");
    }
    Ok(path)
}
