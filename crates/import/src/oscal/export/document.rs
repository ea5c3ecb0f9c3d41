//! The frame of a document: its metadata, and lists that are written element by element.

use std::io::{self, Write};

use kernel::{Organization, Stored, Timestamp};
use serde_json::{Map, Value, json};

use super::uuid;
use crate::oscal::field_rules::ExportModel;

/// The version of OSCAL that is written: the newest that the programs of its users read.
const OSCAL_VERSION: &str = "1.1.2";

/// The values that the beginning of a document is made of.
#[derive(Clone, Copy, Debug)]
pub struct DocumentHead<'h> {
    /// The workspace whose records they are.
    pub organization: &'h Stored<Organization>,
    /// The latest time at which one of the records was changed.
    pub last_modified: Timestamp,
}

impl DocumentHead<'_> {
    /// The UUID of the party that the workspace is.
    pub(super) fn party(organization: &Stored<Organization>) -> String {
        uuid::of_record(organization)
    }

    /// The metadata with this title and version.
    pub(super) fn metadata(&self, title: &str, version: &str) -> Map<String, Value> {
        let Organization { name, .. } = &self.organization.record;
        let party =
            json!({ "uuid": Self::party(self.organization), "type": "organization", "name": name.as_str().trim() });
        [
            ("title", title.into()),
            ("last-modified", self.last_modified.to_string().into()),
            ("version", version.into()),
            ("oscal-version", OSCAL_VERSION.into()),
            ("parties", Value::Array(vec![party])),
        ]
        .map(|(name, value): (&str, Value)| (name.to_owned(), value))
        .into_iter()
        .collect()
    }

    /// The UUID of the resource in place of the plan of the assessments.
    fn plan(&self) -> String {
        uuid::of_name(&format!("assessment plan {}", self.organization.meta.id))
    }

    /// The resource in place of the plan of the assessments, which OSCAL demands.
    #[must_use]
    pub fn plan_element(&self) -> Value {
        let slug = &self.organization.record.slug;
        let description = format!("The plans of the assessments are not kept in the workspace {slug}.");
        json!({ "uuid": self.plan(), "title": "Assessment plan", "description": description })
    }

    /// The members of a plan of action or of assessment results before their lists.
    fn members(&self, model: ExportModel) -> Map<String, Value> {
        let Organization { name, .. } = &self.organization.record;
        let id = self.organization.meta.id;
        let what = if model == ExportModel::PlanOfAction { "Plan of action" } else { "Assessment results" };
        let metadata = self.metadata(&format!("{what} of {}", name.as_str().trim()), &self.last_modified.to_string());
        let mut members = Map::new();
        members.insert("uuid".to_owned(), uuid::of_name(&format!("{} {id}", model.name())).into());
        members.insert("metadata".to_owned(), metadata.into());
        if model == ExportModel::PlanOfAction {
            let system = json!({
                "identifier-type": "https://ietf.org/rfc/rfc4122", "id": uuid::of_name(&format!("system {id}")),
            });
            members.insert("system-id".to_owned(), system);
        } else {
            members.insert("import-ap".to_owned(), json!({ "href": format!("#{}", self.plan()) }));
        }
        members
    }
}

/// The list of the back matter.
const RESOURCES: &str = "resources";

/// Writes a document, whose lists may have any number of elements.
#[derive(Debug)]
pub struct DocumentWriter<W> {
    out: W,
    /// The names of the open lists; `None` for an open object.
    open: Vec<Option<&'static str>>,
    is_first: bool,
}

impl<W: Write> DocumentWriter<W> {
    /// Begins a document.
    ///
    /// # Errors
    /// If `out` can't be written.
    pub fn begin(mut out: W, model: ExportModel, head: &DocumentHead<'_>) -> io::Result<Self> {
        write!(out, "{{\"{}\":", model.name())?;
        let mut writer = Self { out, open: Vec::new(), is_first: true };
        writer.open_object(&Value::Object(head.members(model)).to_string())?;
        Ok(writer)
    }

    /// Begins an object in the list `results`, to which [`Self::add`] adds.
    ///
    /// # Errors
    /// If the document can't be written.
    pub fn begin_result(&mut self, json: &[u8]) -> io::Result<()> {
        self.close_to(2)?;
        if self.open.len() < 2 {
            self.open_list("results")?;
        }
        self.separate()?;
        self.open_object(&String::from_utf8_lossy(json))
    }

    /// Writes an element of a list of the object that was begun last: of a result, otherwise of the document.
    ///
    /// # Errors
    /// If the document can't be written.
    pub fn add(&mut self, list: &'static str, json: &[u8]) -> io::Result<()> {
        if self.open.last() != Some(&Some(list)) {
            if self.open.last().is_some_and(Option::is_some) {
                self.close_to(self.open.len() - 1)?;
            }
            self.open_list(list)?;
        }
        self.separate()?;
        self.out.write_all(json)
    }

    /// Writes a resource of the back matter, which is the last member of a document.
    ///
    /// # Errors
    /// If the document can't be written.
    pub fn add_resource(&mut self, json: &[u8]) -> io::Result<()> {
        if self.open.last() != Some(&Some(RESOURCES)) {
            self.close_to(1)?;
            write!(self.out, ",\n\"back-matter\":{{\"{RESOURCES}\":[")?;
            self.open.extend([None, Some(RESOURCES)]);
            self.is_first = true;
        }
        self.separate()?;
        self.out.write_all(json)
    }

    /// Ends the document.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn end(mut self) -> io::Result<()> {
        self.close_to(0)?;
        self.out.write_all(b"}\n")?;
        self.out.flush()
    }

    fn open_object(&mut self, json: &str) -> io::Result<()> {
        self.open.push(None);
        self.out.write_all(json.strip_suffix('}').unwrap_or(json).as_bytes())
    }

    fn open_list(&mut self, name: &'static str) -> io::Result<()> {
        self.open.push(Some(name));
        self.is_first = true;
        write!(self.out, ",\n\"{name}\":[")
    }

    fn separate(&mut self) -> io::Result<()> {
        self.out.write_all(if std::mem::take(&mut self.is_first) { b"\n" } else { b",\n" })
    }

    fn close_to(&mut self, depth: usize) -> io::Result<()> {
        while self.open.len() > depth {
            let end = if self.open.pop().flatten().is_some() { "]" } else { "}" };
            self.out.write_all(end.as_bytes())?;
            self.is_first = false;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_opened_when_they_get_an_element_and_closed_with_their_object() {
        let mut out = Vec::new();
        let mut writer = DocumentWriter { out: &mut out, open: Vec::new(), is_first: true };
        writer.open_object("{\"a\":1}").unwrap();
        writer.begin_result(b"{\"b\":1}").unwrap();
        for (list, element) in [("risks", "1"), ("risks", "2"), ("findings", "3")] {
            writer.add(list, element.as_bytes()).unwrap();
        }
        writer.begin_result(b"{\"b\":2}").unwrap();
        writer.begin_result(b"{\"b\":3}").unwrap();
        writer.add("findings", b"4").unwrap();
        writer.add_resource(b"5").unwrap();
        writer.add_resource(b"6").unwrap();
        writer.close_to(0).unwrap();
        let text = String::from_utf8(out).unwrap().replace('\n', "");
        let results = "{\"b\":1,\"risks\":[1,2],\"findings\":[3]},{\"b\":2},{\"b\":3,\"findings\":[4]}";
        let back_matter = "\"back-matter\":{\"resources\":[5,6]}";
        assert_eq!(text, format!("{{\"a\":1,\"results\":[{results}],{back_matter}}}"));
    }

    #[test]
    fn the_lists_of_a_document_follow_each_other() {
        let mut out = Vec::new();
        let mut writer = DocumentWriter { out: &mut out, open: Vec::new(), is_first: true };
        writer.open_object("{\"a\":1}").unwrap();
        for (list, element) in [("risks", "1"), ("poam-items", "2"), ("poam-items", "3")] {
            writer.add(list, element.as_bytes()).unwrap();
        }
        writer.close_to(0).unwrap();
        let text = String::from_utf8(out).unwrap().replace('\n', "");
        assert_eq!(text, "{\"a\":1,\"risks\":[1],\"poam-items\":[2,3]}");
    }
}
