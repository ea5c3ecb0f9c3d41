//! Imports by the command line: a catalog, and a bundle of findings against the speed of the database engine itself.

use std::{
    env, fs,
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    context::BenchContext,
    failure::Outcome,
    figures::Series,
    report::{Row, Table, Target, Unit},
    sample,
    sections::{Section, plain::Rows},
    servers::create_folder,
};

/// Imports of the catalog, each into an empty workspace.
const ROUNDS: usize = 5;
/// The records of a transaction of an import.
const BATCH: usize = 500;
const MEBIBYTE: f64 = 1024.0 * 1024.0;

/// The tables that an import of findings fills, without those of the audit log.
const TABLES: &[&str] = &["findings", "outbox"];

/// The variable with the folder of real files, as in tests.
const REAL_FILES: &str = "NOVANTRA_TEST_DATA";

pub(super) fn measure(bench: &BenchContext) -> Outcome<Table> {
    let folder = create_folder(bench.folder())?;
    let (catalog, of_whom) = catalog(folder.path())?;
    let stock = bench.empty()?;
    let mut times = Series::default();
    for _ in 0..ROUNDS {
        let (_, finished) = stock.with_import("oscal-catalog", &catalog)?;
        times.push(finished.elapsed.as_secs_f64() * 1000.0);
    }
    let count = bench.records();
    let bundle = folder.path().join("findings.jsonl");
    write_bundle(&bundle, count)?;
    let (imported, finished) = stock.with_import("bundle", &bundle)?;
    let rows = Rows::open(&imported.database(), TABLES)?;
    let plain = rows.insert(&folder.path().join("plain.db"), count.div_ceil(BATCH))?;
    let rate = |time: Duration| count as f64 / time.as_secs_f64();
    Ok(Table {
        name: "imports",
        title: Section::Imports.title(),
        method: format!(
            "Whole commands, with the start of the program and the sealing of the audit log, into a workspace on SQLite; the \
             catalog is {of_whom}, median of {ROUNDS}. {count} findings of a bundle make {} rows, which plain prepared \
             statements insert again, {BATCH} findings in a transaction (WAL, synchronous=FULL).",
            rows.count(),
        ),
        rows: vec![
            Row::new("import of a catalog with 1,209 nodes", times.median(), Unit::Millis)
                .spread(times.spread())
                .with_target(Target::at_most(2000.0)),
            Row::new("plain prepared statements, findings", rate(plain), Unit::PerSecond),
            Row::new("import of a bundle, findings", rate(finished.elapsed), Unit::PerSecond),
            Row::new("import ÷ plain", plain.as_secs_f64() / finished.elapsed.as_secs_f64(), Unit::Times)
                .with_target(Target::at_least(0.5)),
            Row::new("memory of the import", finished.peak as f64 / MEBIBYTE, Unit::Mebibytes),
        ],
    })
}

/// Returns the file of NIST's catalog, or one of our own with its shape, and whose it is.
fn catalog(folder: &Path) -> Outcome<(PathBuf, &'static str)> {
    if let Some(real) = env::var_os(REAL_FILES) {
        let file = Path::new(&real).join("oscal-nist-sp800-53-rev5-catalog.json");
        if file.exists() {
            return Ok((file.canonicalize()?, "NIST's"));
        }
    }
    let file = folder.join("catalog.json");
    fs::write(&file, generated_catalog().to_string())?;
    Ok((file, "generated, with the shape of NIST's"))
}

/// A catalog of 20 groups, 322 controls and 867 enhancements, with items, parameters and guidance.
fn generated_catalog() -> Value {
    const SENTENCE: &str = "Review and update the current policy and the procedures that implement it";
    let control = |id: String, label: String, controls: Vec<Value>| {
        let params: Vec<Value> = (1..=3)
            .map(|number| json!({ "id": format!("{id}_prm_{number}"), "label": "organization-defined frequency" }))
            .collect();
        let items: Vec<Value> = (1..=3)
            .map(|number| {
                json!({ "id": format!("{id}_smt.{number}"), "name": "item",
                    "props": [{ "name": "label", "value": format!("{number}.") }],
                    "prose": format!("{SENTENCE} {{{{ insert: param, {id}_prm_{number} }}}};") })
            })
            .collect();
        json!({
            "id": id, "title": "Policy and procedures", "props": [{ "name": "label", "value": label }], "params": params,
            "parts": [
                { "id": format!("{id}_smt"), "name": "statement", "prose": "The organization must:", "parts": items },
                { "id": format!("{id}_gdn"), "name": "guidance", "prose": SENTENCE.repeat(8) },
            ],
            "controls": controls,
        })
    };
    let share = |count: usize, part: usize, parts: usize| count * (part + 1) / parts - count * part / parts;
    let mut number = 0;
    let groups: Vec<Value> = (0..20)
        .map(|group| {
            let controls = (0..share(322, group, 20)).map(|index| {
                let (id, label) = (format!("g{group}-{index}"), format!("G{group}-{index}"));
                let enhancements = (0..share(867, number, 322))
                    .map(|inner| control(format!("{id}.{inner}"), format!("{label}({inner})"), Vec::new()));
                number += 1;
                control(id.clone(), label.clone(), enhancements.collect())
            });
            json!({ "id": format!("g{group}"), "title": "A family", "controls": controls.collect::<Vec<_>>() })
        })
        .collect();
    let metadata = json!({ "title": "Generated Catalog", "version": "1", "oscal-version": "1.1.2" });
    json!({ "catalog": { "metadata": metadata, "groups": groups } })
}

fn write_bundle(file: &Path, count: usize) -> Outcome<()> {
    let mut out = BufWriter::new(fs::File::create(file)?);
    for number in 0..count {
        out.write_all(sample::bundle_line(number).as_bytes())?;
    }
    Ok(out.flush()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(value: &Value) -> usize {
        let lists = ["groups", "controls"].iter().filter_map(|list| value[list].as_array());
        lists.flatten().map(|child| 1 + count(child)).sum()
    }

    #[test]
    fn the_generated_catalog_has_as_many_nodes_as_that_of_nist() {
        assert_eq!(count(&generated_catalog()["catalog"]), 1209);
    }
}
