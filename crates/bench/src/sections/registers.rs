//! A page of every register costs the same in a small and in a large collection.

use std::{fs, time::Duration};

use serde_json::Value;

use crate::{
    context::BenchContext,
    failure::{Context, Failure, Outcome},
    figures::{Case, Figures, measure_interleaved},
    http::{Load, Request, call},
    report::{Row, Table, Target, Unit},
    sections::{Section, workload::CONNECTIONS},
    servers::{DataSet, Novantra, create_folder},
};

const ROUNDS: usize = 3;
const WINDOW: Duration = Duration::from_millis(600);
const SIZE: usize = 50;
const SMALL: usize = 10_000;

/// A bundle with a record of every register.
const RECORDS: &str = include_str!("registers.jsonl");

/// A register: its table, the path of its list, and the path of the list whose first record is the `{}` in it.
type Register = (&'static str, &'static str, Option<&'static str>);

const VERSIONS: &str = "governance/frameworks/versions";
const RUNS: &str = "governance/monitoring/runs";
const INDICATORS: &str = "governance/indicators";

const REGISTERS: &[Register] = &[
    ("findings", "governance/findings", None),
    ("controls", "governance/controls", None),
    ("frameworks", "governance/frameworks", None),
    ("framework_versions", VERSIONS, None),
    ("framework_nodes", "governance/frameworks/versions/{}/nodes", Some(VERSIONS)),
    ("coverage_links", "governance/frameworks/coverage-links", None),
    ("risks", "governance/risks", None),
    ("evidence_requirements", "governance/evidence/requirements", None),
    ("evidence_claims", "governance/evidence/claims", None),
    ("assessments", "governance/assessments", None),
    ("exceptions", "governance/exceptions", None),
    ("monitor_definitions", "governance/monitoring/definitions", None),
    ("monitor_runs", RUNS, None),
    ("monitor_run_items", "governance/monitoring/runs/{}/items", Some(RUNS)),
    ("indicators", INDICATORS, None),
    ("measurements", "governance/indicators/measurements?indicatorDefinitionId={}", Some(INDICATORS)),
    ("submission_requirements", "governance/submissions/requirements", None),
    ("submission_packages", "governance/submissions/packages", None),
    ("assets", "assets", None),
    ("custody_assignments", "assets/custody-assignments", None),
    ("engagements", "party-engagements", None),
    ("due_diligence_reviews", "party-engagements/due-diligence-reviews", None),
    ("change_requests", "change-management/change-requests", None),
    ("configuration_baselines", "change-management/configuration-baselines", None),
    ("releases", "change-management/releases", None),
    ("system_acceptances", "change-management/system-acceptances", None),
    ("vulnerabilities", "vulnerability-management/vulnerabilities", None),
    ("vulnerability_assessments", "vulnerability-management/vulnerability-assessments", None),
    ("patch_requirements", "vulnerability-management/patch-requirements", None),
];

pub(super) fn measure(bench: &BenchContext) -> Outcome<Table> {
    let large = bench.records();
    let small = SMALL.min(large / 10);
    let stock = with_a_record_of_each(bench, bench.empty()?)?;
    let mut rows = Vec::new();
    for register in REGISTERS {
        // One register after the other, so that the disk holds one large collection at a time.
        let few = Collection::new(&stock, register, small)?;
        let many = Collection::new(&stock, register, large)?;
        let [few, many] = measure_interleaved([few.case()?, many.case()?], ROUNDS, WINDOW)?;
        rows.extend(register_rows(register.0, &few, &many));
    }
    Ok(Table {
        name: "registers",
        title: Section::Registers.title(),
        method: format!(
            "A page of {SIZE} of {small} and of {large} records over SQLite, {CONNECTIONS} keep-alive connections, durable \
             audit, including sealing; medians of {ROUNDS} alternating rounds."
        ),
        rows,
    })
}

/// Returns a copy with a record of every register.
pub(super) fn with_a_record_of_each(bench: &BenchContext, stock: &DataSet) -> Outcome<DataSet> {
    let folder = create_folder(bench.folder())?;
    let bundle = folder.path().join("records.jsonl");
    fs::write(&bundle, RECORDS)?;
    let (stock, _) = stock.with_import("bundle", &bundle)?;
    Ok(stock)
}

fn register_rows(table: &str, few: &Figures, many: &Figures) -> [Row; 3] {
    [
        Row::new(format!("{table}, small: CPU"), few.cpu.median(), Unit::Micros).spread(few.cpu.spread()),
        Row::new(format!("{table}, large: CPU"), many.cpu.median(), Unit::Micros).spread(many.cpu.spread()),
        Row::new(format!("{table}, large ÷ small: CPU"), many.cpu.median() / few.cpu.median(), Unit::Times)
            .with_target(Target::at_most(1.2)),
    ]
}

/// A server whose collection of a register has a number of records.
struct Collection {
    server: Novantra,
    token: String,
    path: String,
}

impl Collection {
    fn new(stock: &DataSet, (table, path, parent): &Register, rows: usize) -> Outcome<Self> {
        let server = stock.with_copied_rows(table, rows)?.serve(&[])?;
        let token = server.issue_token(&stock.account)?;
        let path = match parent {
            Some(parent) => path.replace("{}", &first_id(&server, &token, parent)?),
            None => (*path).to_owned(),
        };
        let separator = if path.contains('?') { '&' } else { '?' };
        let path = format!("/api/v1/{path}{separator}limit={SIZE}");
        let collection = Self { server, token, path };
        match records(&collection.read()?).map(Vec::len) {
            Some(SIZE) => Ok(collection),
            count => Err(Failure::new(format!("{} has {count:?} records on its first page", collection.path))),
        }
    }

    fn request(&self) -> Request {
        Request::get(&self.path).bearer(&self.token)
    }

    fn read(&self) -> Outcome<Value> {
        call(self.server.host()?, &self.request())?.expect_status(200)?.json()
    }

    fn case(&self) -> Outcome<Case<'_>> {
        let load =
            Load { host: self.server.host()?, requests: vec![self.request()], connections: CONNECTIONS, expected: 200 };
        Ok(Case { program: &self.server, load })
    }
}

/// Returns the identifier of the first record of a list.
fn first_id(server: &Novantra, token: &str, list: &str) -> Outcome<String> {
    let page =
        call(server.host()?, &Request::get(format!("/api/v1/{list}")).bearer(token))?.expect_status(200)?.json()?;
    let first = records(&page).and_then(|records| records.first()?["id"].as_str());
    first.map(str::to_owned).context(|| format!("{list} has no record"))
}

/// Returns the records of a page, whatever their name is.
pub(super) fn records(page: &Value) -> Option<&Vec<Value>> {
    page.as_object()?.values().find_map(Value::as_array)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundle_has_one_record_of_every_register() {
        let kinds: Vec<String> = RECORDS
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["kind"].as_str().unwrap().replace('-', "_"))
            .collect();
        assert_eq!(kinds.len(), REGISTERS.len());
        for (table, ..) in REGISTERS {
            let singular = table
                .strip_suffix("ies")
                .map_or_else(|| table.trim_end_matches('s').to_owned(), |stem| format!("{stem}y"));
            assert_eq!(kinds.iter().filter(|kind| **kind == singular).count(), 1, "{table}");
        }
    }
}
