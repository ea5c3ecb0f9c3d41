//! Exports as OSCAL: catalogs, plans of action, and assessment results. Decision record 0049 has the mapping and its
//! reasons.

mod assessment;
mod catalog;
mod citations;
mod document;
mod finding;
mod guide_table;
mod identifiers;
mod losses;
mod made_up;
mod node;
mod observation;
mod record_properties;
mod risk;
mod statement;
mod texts;
mod uuid;

pub use self::{
    assessment::{other_findings_element, result_element},
    catalog::{CatalogError, CatalogRecords, write as write_catalog},
    document::{DocumentHead, DocumentWriter},
    finding::{FindingElements, Related, finding_elements},
    guide_table::guide_table,
    losses::{Loss, Losses, PropertyUse},
    made_up::{MadeUp, made_up_table},
    observation::{observation_element, observation_uuid, requirement_element, requirement_uuid},
    risk::{finding_of, risk_element, risk_uuid},
};
