//! The choice of the catalog that an import of a profile means, among those that are given beside it.

use super::node::Catalog;
use crate::{document::Document, object::Object, position::SourcePosition};

/// A catalog from which a profile selects.
#[derive(Clone, Copy, Debug)]
pub struct CatalogFile<'a> {
    /// The name of the file, by which profiles refer to it.
    pub name: &'a str,
    /// The content.
    pub bytes: &'a [u8],
}

/// A catalog that is given beside a profile.
pub(super) struct GivenCatalog {
    pub(super) name: String,
    pub(super) uuid: Option<String>,
    pub(super) title: String,
    /// The key of its framework and of its version.
    pub(super) reference: Option<String>,
    pub(super) catalog: Catalog,
}

/// The references of an import to its catalog: its own, and those of the resource that it names.
struct CatalogReference {
    hrefs: Vec<String>,
    /// Texts that may name the revision, the most precise first.
    texts: Vec<String>,
}

/// Chooses the catalog that an import means: by UUID, by the name of the file, or the only one. Warns of one of another
/// revision; fails the import if several may be meant.
pub(super) fn choose(
    profile: &Object<'_>,
    title: &str,
    import: &Object<'_>,
    position: SourcePosition,
    given: &[GivenCatalog],
    document: &mut Document,
) -> Option<usize> {
    let reference = CatalogReference::read(profile, title, import);
    let named = reference.named(given);
    let Some(chosen) = named.or_else(|| (given.len() == 1).then_some(0)) else {
        let names: Vec<&str> = given.iter().map(|catalog| catalog.name.as_str()).collect();
        let message = format!(
            "{}.href is {}, which is the name of none of the catalogs, or of several ({}): name the right one so",
            import.path(),
            reference.name(),
            names.join(", ")
        );
        document.fail(position, None, &message);
        return None;
    };
    let catalog = given.get(chosen)?;
    let meant = reference.texts.iter().find_map(|text| revision(text));
    let used = revision(&catalog.title).or_else(|| revision(&catalog.name));
    let warning = match (meant, used) {
        (Some(meant), Some(used)) if meant == used => return Some(chosen),
        (Some(meant), Some(used)) => {
            format!("means revision {meant}, but the catalog {} ({}) is revision {used}", catalog.name, catalog.title)
        }
        _ if named.is_some() || reference.hrefs.is_empty() => return Some(chosen),
        _ => format!(
            "names the catalog {}; {} ({}), the only one that is given, is used",
            reference.name(),
            catalog.name,
            catalog.title
        ),
    };
    document.warn(&format!("{} {warning}", import.path()));
    Some(chosen)
}

impl CatalogReference {
    fn read(profile: &Object<'_>, title: &str, import: &Object<'_>) -> Self {
        let mut hrefs: Vec<String> = import.nonblank_text("href").into_iter().collect();
        let mut described = Vec::new();
        let resource_id = hrefs.first().and_then(|href| href.strip_prefix('#')).map(str::to_owned);
        if let (Some(id), Some(back_matter)) = (resource_id, profile.object("back-matter")) {
            let resources = back_matter.present_objects("resources");
            for resource in resources.filter(|resource| resource.text("uuid").as_deref() == Some(id.as_str())) {
                hrefs.extend(resource.present_objects("rlinks").filter_map(|link| link.nonblank_text("href")));
                described.extend(["title", "description"].iter().filter_map(|name| resource.nonblank_text(name)));
            }
        }
        let texts = hrefs.iter().rev().cloned().chain(described).chain([title.to_owned()]).collect();
        Self { hrefs, texts }
    }

    /// The reference as people know it: the last is a link of the resource, if there is one.
    fn name(&self) -> &str {
        self.hrefs.last().map_or("missing", String::as_str)
    }

    /// The only catalog that the reference names.
    fn named(&self, given: &[GivenCatalog]) -> Option<usize> {
        let names_uuid = |catalog: &&GivenCatalog| {
            catalog.uuid.as_deref().is_some_and(|uuid| self.hrefs.iter().any(|href| href.contains(uuid)))
        };
        let only_of_uuid = || {
            let mut found = given.iter().enumerate().filter(|(_, catalog)| names_uuid(catalog));
            found.next().filter(|_| found.next().is_none()).map(|(index, _)| index)
        };
        let agreement =
            |catalog: &GivenCatalog| self.hrefs.iter().map(|href| common_names(href, &catalog.name)).max().unwrap_or(0);
        let best = given.iter().map(agreement).max().filter(|best| *best > 0);
        let mut by_name = given.iter().enumerate().filter(|(_, catalog)| Some(agreement(catalog)) == best);
        let by_name = by_name.next().filter(|_| by_name.next().is_none()).map(|(index, _)| index);
        by_name.or_else(only_of_uuid)
    }
}

/// The number of names at the end of two paths that agree. The first is that of the file, of which the ending may differ:
/// a profile often links to the catalog in XML.
fn common_names(href: &str, path: &str) -> usize {
    let href = href.split(['?', '#']).next().unwrap_or(href);
    let decoded = percent_encoding::percent_decode_str(href).decode_utf8_lossy().to_lowercase();
    let path = path.to_lowercase();
    let names = |path: &str| -> Vec<String> {
        let mut names: Vec<String> = path.rsplit(['/', '\\']).map(str::to_owned).collect();
        if let Some(file) = names.first_mut() {
            *file = file.rsplit_once('.').map_or(file.as_str(), |(stem, _)| stem).to_owned();
        }
        names
    };
    let pairs = names(&decoded).into_iter().zip(names(&path));
    pairs.take_while(|(href, path)| href == path && !href.is_empty()).count()
}

/// The number of the revision that a text names: 5 for `Revision 5.1.1`, `rev5` or `Rev. 5`.
fn revision(text: &str) -> Option<u32> {
    let text = text.to_lowercase();
    text.match_indices("rev").find_map(|(at, _)| {
        let starts_word = text.get(..at)?.chars().next_back().is_none_or(|before| !before.is_alphanumeric());
        let rest = text.get(at + "rev".len()..)?;
        let rest = rest.strip_prefix("ision").unwrap_or(rest).trim_start_matches(['.', ' ', '-', '_']);
        let end = rest.find(|character: char| !character.is_ascii_digit()).unwrap_or(rest.len());
        rest.get(..end)?.parse().ok().filter(|_| starts_word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_revision_is_the_number_after_its_word() {
        for (text, number) in [
            ("NIST Special Publication 800-53 Revision 5.1.1 MODERATE", Some(5)),
            ("../rev4/json/NIST_SP-800-53_rev4_catalog.json", Some(4)),
            ("SP 800-53 Rev. 4", Some(4)),
            ("Review 5", None),
            ("prev5", None),
            ("Reverse", None),
        ] {
            assert_eq!(revision(text), number, "{text}");
        }
    }

    #[test]
    fn names_agree_from_the_end_whatever_the_ending_is() {
        for (href, path, count) in [
            ("../x/NIST_rev5_catalog.xml", "/tmp/nist_rev5_catalog.json", 1),
            ("a/c.json", "b/c.json", 1),
            ("../a/c.json", "/x/a/c.json", 2),
            ("a%20b.json#x", "a b.json", 1),
            ("#x", "x.json", 0),
            ("", "", 0),
        ] {
            assert_eq!(common_names(href, path), count, "{href} {path}");
        }
    }
}
