//! The location of a result: the artifact and line, or the logical name.

use std::cell::OnceCell;

use serde_json::value::RawValue;

use super::{identity::CodeElement, object::Object};

/// The first location of a result.
#[derive(Default)]
pub(super) struct Location {
    /// The artifact, otherwise the first logical location.
    pub(super) element: Option<CodeElement>,
    pub(super) line: Option<u64>,
    pub(super) column: Option<u64>,
    pub(super) snippet: Option<String>,
}

/// A list of the run that locations refer to by index. It is parsed when the first location does so.
pub(super) struct Listed<'a> {
    run: &'a Object<'a>,
    name: &'static str,
    elements: OnceCell<Vec<(&'a RawValue, String)>>,
}

impl<'a> Listed<'a> {
    pub(super) const fn new(run: &'a Object<'a>, name: &'static str) -> Self {
        Self { run, name, elements: OnceCell::new() }
    }

    /// The element that the reference gives the index of.
    fn get(&self, reference: &Object<'_>) -> Option<Object<'a>> {
        let index = reference.index("index")?;
        let elements = self.elements.get_or_init(|| self.run.elements(self.name));
        let Some((json, path)) = elements.get(index) else {
            reference.repair_index("index", index, self.name);
            return None;
        };
        self.run.element(json, path.clone())
    }
}

impl Location {
    pub(super) fn read(result: &Object<'_>, artifacts: &Listed<'_>, logical_locations: &Listed<'_>) -> Self {
        let Some(location) = result.objects("locations").into_iter().flatten().next() else { return Self::default() };
        let physical = location.object("physicalLocation");
        let region = physical.as_ref().and_then(|physical| physical.object("region"));
        let artifact = physical.as_ref().and_then(|physical| physical.object("artifactLocation"));
        let logical = location.objects("logicalLocations").into_iter().flatten().next();
        Self {
            element: artifact
                .and_then(|artifact| read_artifact(&artifact, artifacts))
                .or_else(|| Some(CodeElement::Logical(logical_name(&logical?, logical_locations)?))),
            line: region.as_ref().and_then(|region| region.position("startLine")),
            column: region.as_ref().and_then(|region| region.position("startColumn")),
            snippet: region.and_then(|region| region.object("snippet")?.nonblank_text("text")),
        }
    }
}

fn read_artifact(artifact: &Object<'_>, artifacts: &Listed<'_>) -> Option<CodeElement> {
    let uri = artifact.nonblank_text("uri");
    let (uri, base) = match uri {
        Some(uri) => (uri, artifact.nonblank_text("uriBaseId")),
        None => {
            let listed = artifacts.get(artifact)?.object("location")?;
            (listed.nonblank_text("uri")?, listed.nonblank_text("uriBaseId"))
        }
    };
    Some(CodeElement::Artifact { base, path: normalized(&uri)? })
}

fn logical_name(logical: &Object<'_>, logical_locations: &Listed<'_>) -> Option<String> {
    let listed = || logical_locations.get(logical)?.nonblank_text("fullyQualifiedName");
    // The name alone is last: members of many classes share one.
    logical.nonblank_text("fullyQualifiedName").or_else(listed).or_else(|| logical.nonblank_text("name"))
}

/// Returns the URI decoded, with `/` for `\` and without the segments `.`; `None` if nothing is left.
fn normalized(uri: &str) -> Option<String> {
    // A text that is no percent-encoded UTF-8 is a path as it is.
    let decoded = percent_encoding::percent_decode_str(uri).decode_utf8().unwrap_or(uri.into());
    let path = decoded.replace('\\', "/");
    let path = path.split('/').filter(|segment| *segment != ".").collect::<Vec<_>>().join("/");
    Some(path).filter(|path| !super::object::is_blank(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_path_are_one_artifact() {
        for uri in ["src/größe.c", "./src/gr%C3%B6%C3%9Fe.c", "src\\größe.c", "src/./größe.c"] {
            assert_eq!(normalized(uri).as_deref(), Some("src/größe.c"), "{uri}");
        }
        assert_eq!(normalized("C:\\src\\a.c").as_deref(), Some("C:/src/a.c"));
        assert_eq!(normalized("file:///C:/src/a.c").as_deref(), Some("file:///C:/src/a.c"));
        assert_eq!(normalized("100%.txt").as_deref(), Some("100%.txt"));
        assert_eq!(normalized("gr%F6.c").as_deref(), Some("gr%F6.c"), "no UTF-8");
        assert_eq!(normalized("./"), None);
    }
}
