//! Scans to test with, and the records that imports leave behind.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    fs,
    ops::Range,
    path::PathBuf,
    pin::pin,
    task::{Context, Poll, Waker},
};

use findings::{NewFinding, Status};
use kernel::{MAX_KEY_RANGES, Reference};
use novantra_import::sarif::{File, PresentFinding, Scan, ScanFinding, read};
use serde_json::{Value, json};

/// The folder with real files, if there is one.
pub(crate) fn test_data() -> Option<PathBuf> {
    let folder = std::env::var_os("NOVANTRA_TEST_DATA").map(PathBuf::from);
    if folder.is_none() {
        eprintln!("NOVANTRA_TEST_DATA is not set: the real files are left out");
    }
    folder
}

/// A file of `cases`, by the start of its name.
pub(crate) fn case(start: &str) -> Option<Vec<u8>> {
    let entries = fs::read_dir(test_data()?.join("cases")).expect("the folder of cases");
    let path = entries.map(|entry| entry.expect("an entry").path()).find(|path| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(start))
            && path.extension().is_some_and(|extension| extension == "sarif")
    });
    Some(fs::read(path.unwrap_or_else(|| panic!("there is no case {start}"))).expect("the case is read"))
}

/// A file with one run of the tool `scanner`.
pub(crate) fn log(results: &Value) -> Vec<u8> {
    log_of_run(json!({ "tool": { "driver": { "name": "scanner" } }, "results": results }))
}

pub(crate) fn log_of_run(run: Value) -> Vec<u8> {
    log_of_runs(json!([run]))
}

pub(crate) fn log_of_runs(runs: Value) -> Vec<u8> {
    json!({ "version": "2.1.0", "runs": runs }).to_string().into_bytes()
}

/// A result of the rule at the line of the file `a.rs`.
pub(crate) fn result_at(rule: &str, line: u64, message: &str) -> Value {
    json!({ "ruleId": rule, "message": { "text": message }, "locations": location("a.rs", line) })
}

pub(crate) fn location(uri: &str, line: u64) -> Value {
    json!([{ "physicalLocation": { "artifactLocation": { "uri": uri }, "region": { "startLine": line } } }])
}

/// The object with another member.
pub(crate) fn with(mut object: Value, name: &str, member: Value) -> Value {
    object[name] = member;
    object
}

pub(crate) fn read_file(bytes: &[u8]) -> File {
    read(bytes, None).expect("a SARIF file")
}

/// The findings of files that are imported together.
pub(crate) fn scan(files: impl IntoIterator<Item = File>) -> Scan {
    let mut scan = Scan::default();
    for (number, file) in files.into_iter().enumerate() {
        for run in file.runs {
            scan.add_run(number, run.results.into_iter().map(|located| located.record));
        }
    }
    scan
}

/// The findings of one file that is the first to be imported.
pub(crate) fn findings(bytes: &[u8]) -> Vec<NewFinding> {
    Records::default().keyed(&[bytes]).iter().map(ScanFinding::finding).collect()
}

pub(crate) fn only_finding(bytes: &[u8]) -> NewFinding {
    let [finding] = <[_; 1]>::try_from(findings(bytes)).expect("one finding");
    finding
}

/// The findings that imports have left behind, and the status of those that are not open.
#[derive(Default)]
pub(crate) struct Records(BTreeMap<String, NewFinding>, BTreeMap<String, Status>);

impl Records {
    /// Imports the files as one scan. Returns the keys of the findings that are created, updated and unchanged.
    pub(crate) fn import(&mut self, files: &[&[u8]]) -> [Vec<String>; 3] {
        let [mut created, mut updated, mut unchanged] = [(); 3].map(|()| Vec::new());
        for keyed in self.keyed(files) {
            if !keyed.is_written() {
                continue;
            }
            let finding = keyed.finding();
            let key = finding.key.to_string();
            match self.0.insert(key.clone(), finding.clone()) {
                None => created.push(key),
                Some(before) if before == finding => unchanged.push(key),
                Some(_) => updated.push(key),
            }
        }
        [created, updated, unchanged]
    }

    /// The numbers of findings that an import creates, updates, and leaves unchanged.
    pub(crate) fn counts(&mut self, files: &[&[u8]]) -> [usize; 3] {
        self.import(files).map(|keys| keys.len())
    }

    /// The results of the files with the keys that they get beside the findings that exist.
    pub(crate) fn keyed(&self, files: &[&[u8]]) -> Vec<ScanFinding> {
        let scan = scan(files.iter().map(|bytes| read_file(bytes)));
        let find = async |ranges: &[Range<String>]| {
            assert!(ranges.len() <= MAX_KEY_RANGES);
            let found = ranges.iter().flat_map(|range| self.0.range(range.clone()));
            let present = found.map(|(_, finding)| PresentFinding {
                key: finding.key.clone(),
                subject_resource_id: finding.subject.as_ref().map(|subject| subject.resource_id.clone()),
                title: finding.title.clone(),
                description: finding.description.clone().unwrap_or_default(),
                severity: finding.severity,
                status: self.status(finding.key.as_str()),
            });
            Ok::<_, Infallible>(present.collect())
        };
        match pin!(scan.assign_keys(find)).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(keyed)) => keyed,
            Poll::Pending => panic!("the lookup never waits"),
        }
    }

    /// The key of the finding with this subject.
    pub(crate) fn key_at(&self, subject: &str) -> String {
        let found = self
            .0
            .values()
            .find(|finding| finding.subject.as_ref().is_some_and(|group| group.resource_id.as_str() == subject));
        found.unwrap_or_else(|| panic!("there is no finding at {subject}")).key.to_string()
    }

    pub(crate) fn get(&self, key: &str) -> &NewFinding {
        &self.0[key]
    }

    /// Gives the finding another subject, as a client may.
    pub(crate) fn set_subject(&mut self, key: &str, resource_id: &str) {
        let finding = self.0.get_mut(key).expect("a finding");
        finding.subject.as_mut().expect("a subject").resource_id = Reference::parse(resource_id).expect("a reference");
    }

    pub(crate) fn set_status(&mut self, key: &str, status: Status) {
        self.1.insert(key.to_owned(), status);
    }

    fn status(&self, key: &str) -> Status {
        self.1.get(key).copied().unwrap_or(Status::Open)
    }

    pub(crate) fn keys(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    pub(crate) fn as_ndjson(&self) -> String {
        let line = |finding: &NewFinding| {
            json!({
                "findingKey": finding.key.as_str(),
                "title": finding.title.as_str(),
                "severity": finding.severity.name(),
                "status": self.status(finding.key.as_str()).name(),
                "description": finding.description.as_ref().map_or("", |text| text.as_str()),
                "subjectResourceId": finding.subject.as_ref().map(|subject| subject.resource_id.as_str()),
            })
            .to_string()
        };
        let lines: Vec<String> = self.0.values().map(line).collect();
        format!("{}\n{{\"pagination\":{{}}}}\n", lines.join("\n")).trim_start().to_owned()
    }
}
