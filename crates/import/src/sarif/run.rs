//! One run of a tool.

use kernel::Reference;

use super::{
    location::Listed,
    object::{Object, is_blank},
    result::{Reading, ResultReader, ScanResult, level_overrides},
    rules::Rules,
};
use crate::{
    position::{ImportFailure, LineIndex, Located},
    shorten,
};

/// A run of a tool, with its results.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// The tool, as in the source of the run's findings.
    pub tool: Option<Reference>,
    /// The repository, image or other thing that the tool was run on, as in the source of the run's findings. `None` if
    /// neither the file nor the caller names it.
    pub scope: Option<Reference>,
    /// The name of the run: the id or the GUID in its `automationDetails`, otherwise its path in the file. Of a long one,
    /// the end is left out; characters that a line can't have are replaced.
    pub name: String,
    /// Why the run may lack results that another would have; `None` if it is complete.
    pub incomplete: Option<String>,
    /// The results that report problems, suppressed ones included.
    pub results: Vec<Located<ScanResult>>,
    /// The number of results that passed, do not apply, or only inform.
    pub passed: usize,
    /// The number of results of the baseline that are absent now.
    pub absent: usize,
    /// The results that can't be identified.
    pub failures: Vec<ImportFailure>,
}

impl Run {
    pub(super) fn read(run: &Object<'_>, path: &str, scope: Option<&str>, lines: &LineIndex<'_>) -> Self {
        let automation = run.object("automationDetails");
        let automation_id = automation.as_ref().and_then(|details| details.nonblank_text("id"));
        let guid = automation.and_then(|details| details.nonblank_text("guid"));
        let scope = scope.or_else(|| scope_of(automation_id.as_deref()?)).map(str::to_owned);
        let rules = Rules::read(run);
        let invocations = run.objects("invocations");
        let reader = ResultReader {
            scope: scope.as_deref(),
            rules: &rules,
            overrides: invocations.iter().map(|invocation| level_overrides(invocation.as_ref(), &rules)).collect(),
            artifacts: Listed::new(run, "artifacts"),
            logical_locations: Listed::new(run, "logicalLocations"),
        };
        let mut read = Self {
            tool: shorten::reference(rules.tool()),
            scope: scope.as_deref().and_then(shorten::reference),
            incomplete: incomplete(run, &rules, &invocations),
            results: Vec::new(),
            passed: 0,
            absent: 0,
            failures: Vec::new(),
            name: automation_id.as_deref().or(guid.as_deref()).map_or_else(|| path.to_owned(), displayed_name),
        };
        for (json, path) in run.elements("results") {
            let position = lines.position_of(json.get());
            let fail = |message: String| ImportFailure { position, key: None, message };
            match run.parse_element(json, path.clone()).map(|result| reader.read(&result)) {
                Ok(Reading::Problem(record)) => read.results.push(Located { position, record: *record }),
                Ok(Reading::Passed) => read.passed += 1,
                Ok(Reading::Absent) => read.absent += 1,
                Ok(Reading::Unidentified) => read.failures.push(fail(format!(
                    "{path} has neither a rule nor a message, so it can't be identified: the tool must write one of them"
                ))),
                Err(kind) => {
                    read.failures.push(fail(format!("{path} is {kind}, so it can't be identified: a result is an object")));
                }
            }
        }
        if !read.failures.is_empty() {
            // Each of them may be the result of a finding that would seem to be gone.
            read.incomplete.get_or_insert_with(|| "some of its results can't be identified".to_owned());
        }
        read
    }
}

/// The scope of an id of `automationDetails` (SARIF § 3.17.3): without its last segment, which names the run, and
/// without the `/` that ends the id of a run without a name.
fn scope_of(id: &str) -> Option<&str> {
    let (scope, _) = id.rsplit_once('/')?;
    Some(scope).filter(|scope| !is_blank(scope))
}

/// The maximum length of the name of a run in characters. A reason has room for it and for the name of a file.
const MAX_NAME_LENGTH: usize = 100;

fn displayed_name(id: &str) -> String {
    let excerpt: String = id.chars().take(MAX_NAME_LENGTH).collect();
    let ellipsis = if excerpt.len() < id.len() { "…" } else { "" };
    shorten::displayed(&excerpt) + ellipsis
}

fn incomplete(run: &Object<'_>, rules: &Rules, invocations: &[Option<Object<'_>>]) -> Option<String> {
    let failed = invocations.iter().flatten().any(|invocation| {
        invocation.member("executionSuccessful").is_some_and(|successful| successful.get() != "true")
    });
    if failed {
        Some("its executionSuccessful is not true".to_owned())
    } else if run.member("results").is_none() {
        Some("it has no list of results".to_owned())
    } else if !rules.has_tool_name() {
        // All tools without a name would close the findings of each other.
        Some("its tool has no name".to_owned())
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scope_of_a_run_is_its_id_without_the_segment_that_names_the_run() {
        assert_eq!(scope_of("nightly/portal/2026-11-30"), Some("nightly/portal"));
        assert_eq!(scope_of("nightly/portal/"), Some("nightly/portal"));
        assert_eq!(scope_of("4711"), None);
        assert_eq!(scope_of("/4711"), None);
    }
}
