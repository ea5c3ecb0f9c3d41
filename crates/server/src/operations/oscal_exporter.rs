//! Exports of a workspace's records as OSCAL. Nothing is written before all records are read.

mod assessment_results;
mod linked_risks;

use std::io::Write;

use findings::Finding;
use import::{
    MAX_DOCUMENT_LENGTH, MAX_DOCUMENT_RECORDS,
    oscal::{
        ExportModel,
        export::{
            CatalogRecords, DocumentHead, DocumentWriter, FindingElements, Losses, MadeUp, Related, finding_elements,
            risk_element, write_catalog,
        },
    },
};
use kernel::{Filter, HasIdPrefix, Kind, Organization, Reader, Record, Stored, StreamRequest, Timestamp};
use registers::{CoverageLink, EvidenceClaim, EvidenceRequirement, Framework, FrameworkNode, FrameworkVersion, Risk};
use serde_json::Value;
use store::DynStore;

use self::linked_risks::LinkedRisks;
use super::external_sort::ExternalSort;
use crate::failure::Failure;

/// The number of versions that an error lists.
const MAX_LISTED: usize = 20;

/// Exports records of one workspace.
pub(crate) struct OscalExporter<'s> {
    store: &'s DynStore,
    workspace: &'s Stored<Organization>,
    model: ExportModel,
    losses: Losses,
    /// The latest change of a record of the document.
    last_modified: Option<Timestamp>,
}

/// The lists that sorted lines belong to, by their first bytes.
const LISTS: [(u8, &str); 4] = [(b'o', "observations"), (b'r', "risks"), (b'f', "findings"), (b'p', "poam-items")];

/// The first byte of the line that begins a result.
const RESULT: u8 = b'a';

/// The first byte of the line of a resource in the back matter.
const RESOURCE: u8 = b'z';

impl<'s> OscalExporter<'s> {
    pub(crate) fn new(store: &'s DynStore, workspace: &'s Stored<Organization>, model: ExportModel) -> Self {
        Self { store, workspace, model, losses: Losses::new(model), last_modified: None }
    }

    /// Writes the catalog of the version with this key, which begins with that of its framework. Returns what is lost.
    ///
    /// # Errors
    /// If there is no such version, it is no tree or too large, the store fails, or `out` can't be written.
    pub(crate) async fn catalog(mut self, key: &str, out: &mut impl Write) -> Result<Losses, Failure> {
        let (framework, version) = self.version(key).await?;
        let id = version.meta.id;
        let filter = Filter::<CoverageLink>::default().with("framework_version_id", [id]);
        self.for_each(&filter, |exporter, _| {
            exporter.losses.add_left_out(Kind::CoverageLink);
            Ok(())
        })
        .await?;
        self.note_change(&framework);
        self.note_change(&version);
        let (mut nodes, mut length) = (Vec::new(), 0);
        self.for_each(&Filter::<FrameworkNode>::default().with("framework_version_id", [id]), |exporter, node| {
            exporter.note_change(&node);
            length += node.record.title.as_str().len() + node.record.text.as_str().len();
            nodes.push(node);
            if nodes.len() > MAX_DOCUMENT_RECORDS || length > MAX_DOCUMENT_LENGTH {
                return Err(Failure::new(format!(
                    "{key} has more than {MAX_DOCUMENT_RECORDS} nodes or {MAX_DOCUMENT_LENGTH} bytes of texts, which no \
                     import of a catalog takes; export it with --format jsonl"
                )));
            }
            Ok(())
        })
        .await?;
        let head = self.head();
        write_catalog(&CatalogRecords { framework, version, nodes }, &head, &mut self.losses, &mut *out)?;
        out.write_all(b"\n")?;
        Ok(self.losses)
    }

    /// Writes all findings and risks as a plan of action. Returns what is lost.
    ///
    /// # Errors
    /// If there is no finding, the store fails, a temporary file or `out` can't be written.
    pub(crate) async fn plan_of_action(mut self, out: &mut impl Write) -> Result<Losses, Failure> {
        let (mut lines, mut linked) = (ExternalSort::new(), LinkedRisks::default());
        self.losses.add_made_up(MadeUp::System);
        self.for_each(&Filter::<Risk>::default(), |exporter, stored| {
            exporter.note_change(&stored);
            linked.add(&stored)?;
            let risk = risk_element(&stored, &mut exporter.losses);
            add(&mut lines, &["risks", stored.record.key.as_str()], b'r', &risk)
        })
        .await?;
        let mut is_empty = true;
        self.for_each(&Filter::<Finding>::default(), |exporter, stored| {
            is_empty = false;
            exporter.note_change(&stored);
            let related = Related { risks: linked.uuids_of(&stored), ..Related::default() };
            let FindingElements { risk, finding } = exporter.finding(&stored, &related);
            let key = stored.record.key.as_str();
            add(&mut lines, &["risks of findings", key], b'r', &risk)?;
            // Lists are sorted by their names in the file: risks before items.
            add(&mut lines, &["the items", key], b'p', &finding)
        })
        .await?;
        if is_empty {
            return Err(self.empty("findings", "a plan of action has at least one item"));
        }
        self.leave_out::<EvidenceRequirement>().await?;
        self.leave_out::<EvidenceClaim>().await?;
        self.write(lines, out)?;
        Ok(self.losses)
    }

    /// Notes when a record of the document was changed.
    fn note_change<R: HasIdPrefix>(&mut self, stored: &Stored<R>) {
        self.last_modified = self.last_modified.max(Some(stored.meta.updated_at));
    }

    fn finding(&mut self, stored: &Stored<Finding>, related: &Related) -> FindingElements {
        finding_elements(self.model, stored, self.workspace, related, &mut self.losses)
    }

    /// Counts the records of a kind that the document does not have.
    async fn leave_out<R: Record>(&mut self) -> Result<(), Failure>
    where
        DynStore: Reader<R>,
    {
        self.for_each(&Filter::<R>::default(), |exporter, _| {
            exporter.losses.add_left_out(R::KIND);
            Ok(())
        })
        .await
    }

    fn head(&self) -> DocumentHead<'s> {
        let last_modified = self.last_modified.unwrap_or(self.workspace.meta.updated_at);
        DocumentHead { organization: self.workspace, last_modified }
    }

    fn empty(&self, what: &str, why: &str) -> Failure {
        let slug = &self.workspace.record.slug;
        Failure::new(format!("the workspace {slug} has no {what}, and {why}"))
    }

    /// Writes a document of these lines.
    fn write(&self, mut lines: ExternalSort, out: &mut impl Write) -> Result<(), Failure> {
        lines.finish()?;
        let mut writer = DocumentWriter::begin(&mut *out, self.model, &self.head())?;
        lines.for_each(|line| match line.split_first() {
            Some((&RESULT, json)) => writer.begin_result(json),
            Some((&RESOURCE, json)) => writer.add_resource(json),
            Some((first, json)) => match LISTS.iter().find(|(byte, _)| byte == first) {
                Some((_, list)) => writer.add(list, json),
                None => Ok(()),
            },
            None => Ok(()),
        })?;
        Ok(writer.end()?)
    }

    /// Calls `take` with each record.
    async fn for_each<R: Record>(
        &mut self,
        filter: &Filter<R>,
        mut take: impl FnMut(&mut Self, Stored<R>) -> Result<(), Failure>,
    ) -> Result<(), Failure>
    where
        DynStore: Reader<R>,
    {
        let request = StreamRequest::default();
        let mut stream = Reader::<R>::stream(self.store, self.workspace.meta.id, filter, &request).await?;
        while let Some(batch) = stream.batches.next().await? {
            for stored in batch {
                take(self, stored)?;
            }
        }
        Ok(())
    }

    /// The version with this key, and its framework.
    async fn version(&self, key: &str) -> Result<(Stored<Framework>, Stored<FrameworkVersion>), Failure> {
        let organization = self.workspace.meta.id;
        let (framework_key, version_key) = key.rsplit_once('/').unwrap_or((key, ""));
        let frameworks = Reader::<Framework>::get_by_keys(self.store, organization, &[framework_key]).await?;
        let versions = Reader::<FrameworkVersion>::get_by_keys(self.store, organization, &[version_key]).await?;
        let framework = frameworks.into_iter().next();
        let version = framework.as_ref().and_then(|framework| {
            versions.into_iter().find(|version| version.record.framework_id == framework.meta.id)
        });
        match framework.zip(version) {
            Some(found) => Ok(found),
            None => Err(self.no_version(key).await?),
        }
    }

    /// The error that there is no version with this key.
    async fn no_version(&self, key: &str) -> Result<Failure, Failure> {
        let organization = self.workspace.meta.id;
        let filter = Filter::<FrameworkVersion>::default();
        let mut keys = Vec::new();
        let mut stream =
            Reader::<FrameworkVersion>::stream(self.store, organization, &filter, &StreamRequest::default()).await?;
        while let Some(batch) = stream.batches.next().await?.filter(|_| keys.len() < MAX_LISTED) {
            for version in batch.into_iter().take(MAX_LISTED - keys.len()) {
                let framework = Reader::<Framework>::get(self.store, organization, version.record.framework_id).await?;
                keys.extend(framework.map(|framework| format!("{}/{}", framework.record.key, version.record.key)));
            }
        }
        let existing = if keys.is_empty() { "has none".to_owned() } else { format!("has {}", keys.join(", ")) };
        let slug = &self.workspace.record.slug;
        Ok(Failure::new(format!("there is no framework version {key:?}; the workspace {slug} {existing}")))
    }
}

/// Adds a line, which is sorted by the parts of its path.
fn add(lines: &mut ExternalSort, path: &[&str], list: u8, json: &Value) -> Result<(), Failure> {
    let mut line = vec![list];
    serde_json::to_writer(&mut line, json)?;
    Ok(lines.add(path.join("\0").into_bytes(), line)?)
}
