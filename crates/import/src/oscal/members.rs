//! Members that several objects of OSCAL have.

use kernel::{Timestamp, Title};

use crate::{
    links::{is_location_or_uri, without_links_to},
    object::Object,
    sarif::first_sentence,
    shorten,
};

/// The label that people use: the one without a class, such as `AC-2(1)` beside `AC-02(01)` of the class
/// `zero-padded`; otherwise the first.
pub(super) fn label(object: &Object<'_>) -> Option<String> {
    let labels: Vec<(bool, String)> = object
        .present_objects("props")
        .filter(|property| property.text("name").as_deref() == Some("label"))
        .filter_map(|property| Some((property.has("class"), property.nonblank_text("value")?.trim().to_owned())))
        .collect();
    let without_class = labels.iter().find(|(has_class, _)| !has_class);
    without_class.or(labels.first()).map(|(_, label)| label.clone())
}

/// The text of a markup line or block without control characters, and with each link reduced to its text.
pub(super) fn plain_text(markup: &str) -> String {
    let is_target = |target: &str| target.starts_with('#') || is_location_or_uri(target);
    without_links_to(&shorten::clean_description(markup), is_target).trim().to_owned()
}

/// The title, otherwise the first sentence of the description, otherwise the key.
pub(super) fn title(object: &Object<'_>, key: &str) -> Option<Title> {
    let title = object.nonblank_text("title").or_else(|| {
        object.repair("title", || "is missing; the description or the key is used".to_owned());
        object.nonblank_text("description").map(|description| first_sentence(&description).to_owned())
    });
    title.as_deref().and_then(shorten::title).or_else(|| shorten::title(key))
}

/// A time; one that is none is left out.
pub(super) fn time(object: &Object<'_>, name: &str) -> Option<Timestamp> {
    let time = object.text(name)?;
    let parsed = Timestamp::parse_date_or_time(&time);
    parsed.map_err(|error| object.repair(name, || format!("is no time ({error}); left out"))).ok()
}
