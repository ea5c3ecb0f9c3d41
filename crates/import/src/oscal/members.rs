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

/// The title of a record.
pub(super) struct Titles {
    /// The one that the object states.
    pub(super) stated: Option<Title>,
    /// The one that a new record gets, if the object states none.
    pub(super) initial: Option<Title>,
}

/// The title of an object that must have one.
pub(super) fn titles(object: &Object<'_>, key: &str) -> Titles {
    let titles = titles_of(object, key);
    if titles.stated.is_none() {
        object.repair("title", || "is missing; the description or the key is used".to_owned());
    }
    titles
}

/// The title that the object states. A new record without one gets the first sentence of the description, otherwise the
/// key.
pub(super) fn titles_of(object: &Object<'_>, key: &str) -> Titles {
    let stated = object.nonblank_text("title").as_deref().and_then(shorten::title);
    if stated.is_some() {
        return Titles { stated, initial: None };
    }
    let description = object.nonblank_text("description");
    let sentence = description.as_deref().map(first_sentence).and_then(shorten::title);
    Titles { stated: None, initial: sentence.or_else(|| shorten::title(key)) }
}

/// A time; one that is none is left out.
pub(super) fn time(object: &Object<'_>, name: &str) -> Option<Timestamp> {
    let time = object.text(name)?;
    let parsed = Timestamp::parse_date_or_time(&time);
    parsed.map_err(|error| object.repair(name, || format!("is no time ({error}); left out"))).ok()
}
