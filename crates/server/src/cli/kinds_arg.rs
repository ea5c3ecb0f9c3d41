//! The arguments that choose kinds of records.

use std::collections::BTreeSet;

use clap::Args;
use import::RecordKind;

use crate::failure::Failure;

/// The kinds of records that a command is about.
#[derive(Debug, Args)]
pub(crate) struct KindsArg {
    /// The module of the records, such as frameworks or findings.
    #[arg(long, value_name = "MODULE")]
    module: Option<String>,
    /// The kind of the records, as bundles name it: risk, framework-version.
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
}

impl KindsArg {
    /// Whether no argument is given.
    pub(crate) fn is_any(&self) -> bool {
        self.module.is_none() && self.kind.is_none()
    }

    /// All kinds that the arguments allow.
    ///
    /// # Errors
    /// If there is no such module, or no such kind in it.
    pub(crate) fn all(&self) -> Result<Vec<&'static RecordKind>, Failure> {
        let module_of = |kind: &RecordKind| api_v1::module(kind.kind).unwrap_or_default();
        let in_module = |kind: &&RecordKind| self.module.as_ref().is_none_or(|module| module_of(kind) == module);
        let is_kind = |kind: &&RecordKind| self.kind.as_ref().is_none_or(|name| kind.name() == *name);
        let modules: BTreeSet<&str> = RecordKind::all().iter().map(module_of).collect();
        if let Some(module) = self.module.as_ref().filter(|module| !modules.contains(module.as_str())) {
            let modules = modules.into_iter().collect::<Vec<_>>().join(", ");
            return Err(Failure::usage(format!("--module {module}: must be one of: {modules}")));
        }
        let of_module: Vec<&RecordKind> = RecordKind::all().iter().filter(in_module).collect();
        let names = names_of(&of_module);
        let kinds: Vec<_> = of_module.into_iter().filter(is_kind).collect();
        match &self.kind {
            Some(kind) if kinds.is_empty() => Err(Failure::usage(format!("--kind {kind}: must be one of: {names}"))),
            _ => Ok(kinds),
        }
    }

    /// The only kind that the arguments allow, for a table.
    ///
    /// # Errors
    /// Like [`Self::all`], or if they allow several.
    pub(crate) fn only(&self, argument: &str) -> Result<&'static RecordKind, Failure> {
        match self.all()?[..] {
            [kind] => Ok(kind),
            ref kinds => Err(Failure::usage(format!(
                "{argument}: a table has records of one kind; add --kind with one of: {}",
                names_of(kinds)
            ))),
        }
    }
}

fn names_of(kinds: &[&RecordKind]) -> String {
    kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_belongs_to_a_module() {
        for kind in RecordKind::all() {
            assert!(api_v1::module(kind.kind).is_some_and(|module| !module.is_empty()), "{}", kind.name());
        }
    }
}
