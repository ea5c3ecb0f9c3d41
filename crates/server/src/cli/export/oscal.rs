//! Exports as OSCAL, and the report of what such a file does not have.

use std::{collections::BTreeMap, io::Write};

use clap::Args;
use import::oscal::{ExportModel, export::Losses};
use kernel::{Organization, Stored};
use serde_json::{Value, json};

use super::Report;
use crate::{compose::Installation, failure::Failure, operations::OscalExporter};

/// The arguments that choose the records of a document.
#[derive(Debug, Args)]
pub(crate) struct OscalArgs {
    /// The framework version that becomes a catalog, with the key of its framework: nist-800-53/5.0.1
    #[arg(long, value_name = "KEY")]
    framework_version: Option<String>,
    /// The assessment whose results are written [default: all assessments]
    #[arg(long, value_name = "KEY")]
    assessment: Option<String>,
}

impl OscalArgs {
    /// Checks the arguments for an export of the model, or for one in another format.
    ///
    /// # Errors
    /// If an argument that the format needs is missing, or there is one that it does not take.
    pub(crate) fn check(&self, model: Option<ExportModel>) -> Result<(), Failure> {
        let catalog = ExportModel::Catalog;
        for (argument, value, model_of_it) in [
            ("--framework-version", &self.framework_version, catalog),
            ("--assessment", &self.assessment, ExportModel::AssessmentResults),
        ] {
            if value.is_some() && model != Some(model_of_it) {
                let format = model_of_it.format();
                return Err(Failure::usage(format!("{argument} is only for --format {format}")));
            }
        }
        if model == Some(catalog) && self.framework_version.is_none() {
            return Err(Failure::usage(format!(
                "--format {}: a catalog is one version of a framework; add --framework-version KEY",
                catalog.format()
            )));
        }
        Ok(())
    }

    /// Writes the document of the model. Returns what it does not have.
    ///
    /// # Errors
    /// If the records can't be read or don't make a document, or `out` can't be written.
    pub(crate) async fn export(
        &self,
        model: ExportModel,
        installation: &Installation,
        workspace: &Stored<Organization>,
        out: &mut impl Write,
    ) -> Result<Losses, Failure> {
        let exporter = OscalExporter::new(&*installation.store, workspace, model);
        match model {
            ExportModel::Catalog => exporter.catalog(self.framework_version.as_deref().unwrap_or_default(), out).await,
            ExportModel::PlanOfAction => exporter.plan_of_action(out).await,
            ExportModel::AssessmentResults => exporter.assessment_results(self.assessment.as_deref(), out).await,
        }
    }
}

/// The report about what the document does not have.
pub(super) fn report(losses: &Losses) -> Report {
    Report { text: report_text(losses), document: report_document(losses) }
}

/// The report as a JSON document.
fn report_document(losses: &Losses) -> Value {
    let lost = losses.lost().into_iter().map(
        |loss| json!({ "kind": loss.kind, "field": loss.field, "count": loss.count, "description": loss.description }),
    );
    let properties = losses.properties().into_iter().map(|property| {
        json!({ "kind": property.kind, "field": property.field, "property": property.property, "count": property.count })
    });
    let made_up = losses.made_up().map(
        |(statement, count)| json!({ "member": statement.member(), "count": count, "description": statement.description() }),
    );
    json!({
        "lost": lost.collect::<Vec<_>>(),
        "properties": properties.collect::<Vec<_>>(),
        "madeUp": made_up.collect::<Vec<_>>(),
    })
}

/// The report as text: a line for each loss, one for each statement that OSCAL demands and no record makes, and one for each kind with fields that only Novantra understands.
fn report_text(losses: &Losses) -> String {
    let mut lines: Vec<String> = Vec::new();
    for loss in losses.lost() {
        lines.push(match loss.field {
            Some(field) => format!("lost: {field} of {}: {}", records(&loss.kind, loss.count), loss.description),
            None => format!("left out: {}: {}", records(&loss.kind, loss.count), loss.description),
        });
    }
    let mut fields: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for property in losses.properties() {
        fields.entry(property.kind).or_default().push(format!("{} ({})", property.field, property.count));
    }
    lines.extend(
        losses.made_up().map(|(statement, count)| {
            format!("made up: {} ({count}): {}", statement.member(), statement.description())
        }),
    );
    for (kind, fields) in fields {
        lines.push(format!("only as properties that Novantra reads: {kind} {}", fields.join(", ")));
    }
    lines.join("\n")
}

fn records(kind: &str, count: u64) -> String {
    format!("{count} {kind} {}", if count == 1 { "record" } else { "records" })
}
