//! Series of scans.

use kernel::Reference;

/// The tool of a scan and what it was run on. A scan says which findings of its series exist, and nothing about others.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ScanSeries {
    pub(crate) tool: Option<Reference>,
    pub(crate) scope: Option<Reference>,
}

impl ScanSeries {
    /// The name of the tool.
    pub(crate) fn tool(&self) -> &str {
        self.tool.as_ref().map_or("the tool", Reference::as_str)
    }

    /// The tool and its scope.
    pub(crate) fn description(&self) -> String {
        match &self.scope {
            Some(scope) => format!("{} with the scope {scope}", self.tool()),
            None => format!("{} without a scope", self.tool()),
        }
    }
}
