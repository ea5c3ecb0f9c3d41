//! Profiles: selections of controls from catalogs, such as a baseline.
//!
//! A profile does not contain its controls, and its references to catalogs are often paths on the machine of its author.
//! So the catalogs are given beside it, and nothing is fetched. The result is a framework of its own.

use super::{
    catalog::{START, read_beside_profile},
    catalog_nodes::NodeRecords,
    edition::{Edition, FrameworkOptions},
    node::Catalog,
    read_model,
    selection::{SelectableControls, Selection},
};
use crate::{
    document::{Document, other_format},
    object::Object,
    position::{LineIndex, Unreadable},
};

const FORMAT: &str = "an OSCAL profile";

/// Reads a profile and the catalogs from which it selects. The nodes of the version are the selected controls, with the
/// groups that they are in.
///
/// # Errors
/// [`Unreadable`] if the file is no OSCAL profile with a title, a version and an import, or if one of the catalogs is no
/// OSCAL catalog.
pub fn read(bytes: &[u8], catalogs: &[&[u8]], options: &FrameworkOptions) -> Result<Document, Unreadable> {
    let ((), document) = read_model(FORMAT, "profile", bytes, |model, lines, document| {
        let edition = Edition::read(FORMAT, model, START, options, document)?;
        if model.body.elements("imports").is_empty() {
            return Err(other_format(FORMAT, "profile.imports is missing or empty: the profile selects no controls"));
        }
        let mut catalog = merged_catalog(catalogs, document)?;
        let selection = selection(model.body, &catalog, lines, document);
        catalog.nodes = selection.retain(catalog.nodes);
        if let Some(modify) = model.body.object("modify") {
            modify_catalog(&modify, &mut catalog, document);
        }
        if model.body.object("merge").is_some_and(|merge| merge.has("custom")) {
            document.warn(
                "the structure of the profile (merge.custom) is not applied: the nodes have the groups of the catalogs",
            );
        }
        let records = NodeRecords::new(&edition, &catalog, model.body.repairs(), options.with_controls);
        records.add_to(document);
        Ok(())
    })?;
    Ok(document)
}

fn merged_catalog(catalogs: &[&[u8]], document: &mut Document) -> Result<Catalog, Unreadable> {
    if catalogs.is_empty() {
        let message = "no catalog is given beside the profile, which contains no controls: state the catalogs, too";
        return Err(other_format(FORMAT, message));
    }
    let mut merged = Catalog::default();
    for (index, bytes) in catalogs.iter().enumerate() {
        let (catalog, faults) = read_beside_profile(bytes)?;
        if !faults.failures.is_empty() {
            document.warn(&format!(
                "{} parts of catalog {} can't be imported; import it as oscal-catalog to see them",
                faults.failures.len(),
                index + 1
            ));
        }
        merged.nodes.extend(catalog.nodes);
        merged.parameters.extend(catalog.parameters);
    }
    Ok(merged)
}

fn selection(profile: &Object<'_>, catalog: &Catalog, lines: &LineIndex<'_>, document: &mut Document) -> Selection {
    let controls = SelectableControls::new(&catalog.nodes);
    let mut selection = Selection::default();
    for (json, path) in profile.elements("imports") {
        let position = lines.position_of(json.get());
        if let Some(import) = profile.element(json, path) {
            selection.add_import(&import, position, &controls, lines, document);
        }
    }
    selection
}

/// Sets the parameters that the profile sets. Warns of changes that no node can hold.
fn modify_catalog(modify: &Object<'_>, catalog: &mut Catalog, document: &mut Document) {
    for setting in modify.present_objects("set-parameters") {
        match setting.nonblank_text("param-id") {
            Some(id) if catalog.parameters.set(&id, &setting) => {}
            Some(id) => setting.repair("param-id", || format!("is {id:?}, which no catalog has; left out")),
            None => setting.repair("param-id", || "is missing; left out".to_owned()),
        }
    }
    let alterations = modify.elements("alters").len();
    if alterations > 0 {
        document.warn(&format!(
            "the {alterations} alterations of controls (modify.alters) are not applied: the nodes have the texts of the catalog"
        ));
    }
}
