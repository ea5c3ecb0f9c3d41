//! The surroundings of a finding: the records that it bears on, and the systems that mirror it.

use std::collections::BTreeSet;

use findings::{Finding, FindingEvent};
use http_api::{pipeline::App, response::Problem};
use kernel::{Filter, PageLimit, PageRequest, Reader, Record, Reference, Stored, Timestamp};
use maud::{Markup, html};
use registers::CoverageLink;
use store::DynStore;

use crate::{
    components::{NONE, card, status},
    pages::references::load_names,
    registers::RecordNames,
    viewer::Viewer,
};

/// The most records of one kind that a card shows.
const SHOWN: usize = 5;
/// The number of the newest events that are searched for references to other systems.
const EVENTS: u64 = 50;

/// The surroundings of a finding.
pub(super) struct Surroundings {
    /// The identifier of the subject.
    subject: Option<String>,
    requirements: Vec<Stored<CoverageLink>>,
    /// Other findings about the same subject.
    others: Vec<Stored<Finding>>,
    names: RecordNames,
    /// References to records of other systems, the newest first, with the time of their event.
    mirrors: Vec<(Reference, Timestamp)>,
}

impl Surroundings {
    /// Loads the surroundings of a finding.
    ///
    /// # Errors
    /// The error response if the store fails.
    pub(super) async fn load(app: &App, finding: &Stored<Finding>) -> Result<Self, Problem> {
        let subject = finding.record.subject.as_ref().map(|subject| subject.resource_id.clone());
        let (mut requirements, mut others) = (Vec::new(), Vec::new());
        if let Some(subject) = &subject {
            let filter = Filter::<CoverageLink>::default().with("target_resource_id", [subject.clone()]);
            requirements = first(app, finding, &filter, SHOWN as u64).await?;
            let filter = Filter::<Finding>::default().with("subject_resource_id", [subject.clone()]);
            others = first(app, finding, &filter, SHOWN as u64 + 1).await?;
            others.retain(|other| other.meta.id != finding.meta.id);
            others.truncate(SHOWN);
        }
        let filter = Filter::<FindingEvent>::default().with("finding_id", [finding.meta.id]);
        let mut mirrors: Vec<(Reference, Timestamp)> = Vec::new();
        for event in first(app, finding, &filter, EVENTS).await? {
            if let Some(reference) = event.record.external_reference
                && mirrors.len() < SHOWN
                && !mirrors.iter().any(|(other, _)| *other == reference)
            {
                mirrors.push((reference, event.record.occurred_at));
            }
        }
        let subject = subject.map(|subject| subject.to_string());
        let nodes = requirements.iter().map(|link| link.record.node_id.to_string());
        let ids: BTreeSet<String> = nodes.chain(subject.clone()).collect();
        let names = load_names(app, finding.meta.organization, &ids).await?;
        Ok(Self { subject, requirements, others, names, mirrors })
    }

    /// The cards, as far as there is anything in them.
    pub(super) fn cards(&self, viewer: &Viewer) -> Markup {
        let subject = self.subject.as_deref().and_then(|subject| self.names.get(subject));
        let has_bearing = subject.is_some() || !self.requirements.is_empty() || !self.others.is_empty();
        let bearing = html! {
            div.body {
                ul.stack.small {
                    @if let Some(subject) = subject { li { (subject.link()) br; span.muted { "Its subject" } } }
                    @for link in &self.requirements {
                        li { (self.names.show(&link.record.node_id.to_string())) br; span.muted { "A requirement that its subject covers" } }
                    }
                    @for other in &self.others {
                        li {
                            a href={ "/app/findings/" (other.meta.id) } { span.key { (other.record.key.as_str()) } " " (other.record.title.as_str()) }
                            br;
                            span.row { span.muted { "About the same subject" } (status(other.record.status.name())) }
                        }
                    }
                }
            }
        };
        let mirrors = html! {
            div.body {
                ul.stack.small {
                    @for (reference, at) in &self.mirrors {
                        li { span.key { (reference.as_str()) } " " span.muted { "last reported " (viewer.zone.date(*at)) } }
                    }
                }
            }
        };
        html! {
            @if has_bearing { (card("bears-on", "Bears on", &NONE, &bearing)) }
            @if !self.mirrors.is_empty() { (card("mirrored-to", "Mirrored to", &NONE, &mirrors)) }
        }
    }
}

/// The newest records that match.
async fn first<R: Record>(
    app: &App,
    finding: &Stored<Finding>,
    filter: &Filter<R>,
    limit: u64,
) -> Result<Vec<Stored<R>>, Problem>
where
    DynStore: Reader<R>,
{
    let page = PageRequest { limit: PageLimit::clamped(limit), ..PageRequest::default() };
    Ok(Reader::<R>::list(&*app.services.store, finding.meta.organization, filter, &page).await?.items)
}
