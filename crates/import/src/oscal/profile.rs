//! Profiles: selections of controls from catalogs, such as a baseline.
//!
//! A profile does not contain its controls, and its references to catalogs are often paths on the machine of its author.
//! So the catalogs are given beside it, and nothing is fetched. The result is a framework of its own.

use super::{
    catalog::{START, read_beside_profile},
    catalog_choice::{self, CatalogFile, GivenCatalog},
    catalog_nodes::NodeRecords,
    edition::{Edition, FrameworkOptions},
    read_model,
    selection::{SelectableControls, Selection},
    written_nodes::{Combination, WrittenNodes},
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
pub fn read(bytes: &[u8], catalogs: &[CatalogFile<'_>], options: &FrameworkOptions) -> Result<Document, Unreadable> {
    let ((), document) = read_model(FORMAT, "profile", bytes, |model, lines, document| {
        let edition = Edition::read(FORMAT, model, START, options, document)?;
        if model.body.elements("imports").is_empty() {
            return Err(other_format(FORMAT, "profile.imports is missing or empty: the profile selects no controls"));
        }
        let mut given = given_catalogs(catalogs, document)?;
        let title = model.metadata.text("title").unwrap_or_default();
        let selections = selections(model.body, &title, &given, lines, document);
        for (given, selection) in given.iter_mut().zip(selections) {
            given.catalog.nodes = selection.retain(std::mem::take(&mut given.catalog.nodes));
        }
        if let Some(modify) = model.body.object("modify") {
            modify_catalogs(&modify, &mut given, document);
        }
        let mut written = WrittenNodes::new(Combination::of_profile(model.body, document));
        for given in &given {
            let GivenCatalog { catalog, reference, .. } = given;
            let repairs = model.body.repairs();
            let records = NodeRecords::new(&edition, catalog, repairs, options.with_controls, reference.as_deref());
            records.add_to(&mut written, document);
        }
        written.warn(document);
        Ok(())
    })?;
    Ok(document)
}

fn given_catalogs(catalogs: &[CatalogFile<'_>], document: &mut Document) -> Result<Vec<GivenCatalog>, Unreadable> {
    if catalogs.is_empty() {
        let message = "no catalog is given beside the profile, which contains no controls: state the catalogs, too";
        return Err(other_format(FORMAT, message));
    }
    let mut given = Vec::new();
    for file in catalogs {
        let (catalog, faults) = read_beside_profile(*file)?;
        let failures = faults.failures.len() + faults.undescribed_failures;
        if failures > 0 {
            document.warn(&format!(
                "{failures} parts of the catalog {} can't be imported; import it as oscal-catalog to see them",
                file.name
            ));
        }
        given.push(catalog);
    }
    Ok(given)
}

/// The selections of the profile from each of the catalogs.
fn selections(
    profile: &Object<'_>,
    title: &str,
    given: &[GivenCatalog],
    lines: &LineIndex<'_>,
    document: &mut Document,
) -> Vec<Selection> {
    let controls: Vec<_> = given.iter().map(|given| SelectableControls::new(&given.catalog.nodes)).collect();
    let mut selections: Vec<Selection> = given.iter().map(|_| Selection::default()).collect();
    for (json, path) in profile.elements("imports") {
        let position = lines.position_of(json.get());
        let Some(import) = profile.element(json, path) else { continue };
        let Some(chosen) = catalog_choice::choose(profile, title, &import, position, given, document) else { continue };
        if let (Some(selection), Some(controls)) = (selections.get_mut(chosen), controls.get(chosen)) {
            selection.add_import(&import, position, controls, lines, document);
        }
    }
    selections
}

/// Sets the parameters that the profile sets. Warns of changes that no node can hold.
fn modify_catalogs(modify: &Object<'_>, given: &mut [GivenCatalog], document: &mut Document) {
    for setting in modify.present_objects("set-parameters") {
        match setting.nonblank_text("param-id") {
            Some(id) => {
                let set =
                    given.iter_mut().filter_map(|given| given.catalog.parameters.set(&id, &setting).then_some(()));
                if set.count() == 0 {
                    setting.repair("param-id", || format!("is {id:?}, which no catalog has; left out"));
                }
            }
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
