//! The reads of two builds of the server, in the same rounds.

use std::path::Path;

use super::{FINDINGS, IDS, PostgresServer, READERS, ROUNDS, WINDOW};
use crate::{
    context::BenchContext,
    failure::Outcome,
    figures::Series,
    http::{Load, Request},
    report::{Row, Target, Unit},
    sections::workload::{LIST, ids},
    servers::MeasuredProgram,
};

/// One build with the rates of its calls.
struct Build {
    served: PostgresServer,
    gets: Vec<Request>,
    page: Vec<Request>,
    get_rate: Series,
    page_rate: Series,
}

/// Returns the rates of the other build, and those of the measured one as their multiples.
pub(super) fn rows(bench: &BenchContext, other: &Path) -> Outcome<Vec<Row>> {
    let mut builds = [
        Build::start(bench, bench.binary(), "novantra_bench_one")?,
        Build::start(bench, other, "novantra_bench_other")?,
    ];
    for build in &builds {
        build.load(&build.gets)?.run(WINDOW / 3)?;
        build.load(&build.page)?.run(WINDOW / 3)?;
    }
    for _ in 0..ROUNDS {
        for build in &mut builds {
            let rate = build.rate(&build.gets)?;
            build.get_rate.push(rate);
            let rate = build.rate(&build.page)?;
            build.page_rate.push(rate);
        }
    }
    let [one, other] = builds;
    let multiple = |label: &str, one: &Series, other: &Series, target: Target| {
        Row::new(label, one.median() / other.median(), Unit::Times).with_target(target)
    };
    Ok(vec![
        Row::new("get by id: the other build, audit buffered", other.get_rate.median(), Unit::PerSecond)
            .spread(other.get_rate.spread()),
        multiple(
            "get by id: novantra ÷ the other build",
            &one.get_rate,
            &other.get_rate,
            Target::at_least(1.6).goal(2.2),
        ),
        Row::new("page of 50: the other build, audit buffered", other.page_rate.median(), Unit::PerSecond)
            .spread(other.page_rate.spread()),
        multiple(
            "page of 50: novantra ÷ the other build",
            &one.page_rate,
            &other.page_rate,
            Target::at_least(1.5).goal(2.0),
        ),
    ])
}

impl Build {
    fn start(bench: &BenchContext, program: &Path, database: &str) -> Outcome<Self> {
        let served = PostgresServer::start_program(bench, program, database, &[("audit-reads", "buffered")])?;
        served.fill(FINDINGS)?;
        let get = |path: String| Request::get(path).bearer(&served.token);
        let gets = ids(&served.server, &served.token, IDS)?.iter().map(|id| get(format!("{LIST}/{id}"))).collect();
        let page = vec![get(format!("{LIST}?limit=50"))];
        Ok(Self { served, gets, page, get_rate: Series::default(), page_rate: Series::default() })
    }

    fn load(&self, requests: &[Request]) -> Outcome<Load> {
        self.served.load(requests.to_vec(), READERS, 200)
    }

    fn rate(&self, requests: &[Request]) -> Outcome<f64> {
        let rate = self.load(requests)?.run(WINDOW)?.rate();
        self.served.server.wait_until_idle()?;
        Ok(rate)
    }
}
