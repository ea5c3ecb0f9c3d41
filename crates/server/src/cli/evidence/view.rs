//! `novantra evidence list` and `show`

use clap::Args;
use evidence::{AttachedFile, EvidenceClaim, EvidenceClaimStatus, EvidenceRequirement};
use kernel::{Description, Filter, Id, OrganizationId, PageLimit, PageRequest, Reader, Reference, Stored};
use serde_json::{Value, json};
use store::DynStore;

use crate::{
    cli::{CommandContext, columns},
    compose::Installation,
    failure::Failure,
    operations::{find_claim, find_workspace},
};

#[derive(Debug, Args)]
pub(crate) struct List {
    /// The workspace of the claims.
    #[arg(long, value_name = "SLUG")]
    workspace: String,
    /// List claims with this status only: pending, approved, rejected, expired or withdrawn; may be repeated.
    #[arg(long = "status", value_name = "STATUS", value_parser = parse_status, value_delimiter = ',')]
    statuses: Vec<EvidenceClaimStatus>,
    /// List claims for the evidence requirement with this key only.
    #[arg(long, value_name = "REQUIREMENT_KEY")]
    requirement: Option<String>,
    /// Maximum number of claims.
    #[arg(long, default_value = "50", value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    limit: u16,
}

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The key or the id of the claim, as `list` shows them.
    #[arg(value_name = "CLAIM")]
    claim: String,
    /// The workspace of the claim.
    #[arg(long, value_name = "SLUG")]
    workspace: String,
}

fn parse_status(text: &str) -> Result<EvidenceClaimStatus, String> {
    EvidenceClaimStatus::ALL.iter().copied().find(|status| status.name() == text).ok_or_else(|| {
        let names: Vec<&str> = EvidenceClaimStatus::ALL.iter().map(|status| status.name()).collect();
        format!("it is not one of {}", names.join(", "))
    })
}

impl List {
    pub(crate) async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        let claims = Installation::with(&context.settings, async |installation| {
            let workspace = find_workspace(installation, &self.workspace).await?;
            self.list(&*installation.store, workspace.meta.id).await
        })
        .await?;
        let documents: Vec<Value> = claims.iter().map(claim_document).collect();
        context.output.print(&json!({ "claims": documents }), || {
            let head = ["CLAIM", "KEY", "STATUS", "VALID_UNTIL", "ATTACHMENTS", "CREATED"];
            let rows = claims.iter().map(|claim| {
                vec![
                    claim.meta.id.to_string(),
                    claim.record.key.to_string(),
                    claim.record.status.name().to_owned(),
                    claim.record.valid_until.map_or_else(|| "none".to_owned(), |at| at.to_string()),
                    claim.record.attachments.len().to_string(),
                    claim.meta.created_at.to_string(),
                ]
            });
            columns(&std::iter::once(head.map(str::to_owned).to_vec()).chain(rows).collect::<Vec<_>>())
        })
    }

    async fn list(
        &self,
        store: &DynStore,
        organization: OrganizationId,
    ) -> Result<Vec<Stored<EvidenceClaim>>, Failure> {
        let mut filter = Filter::<EvidenceClaim>::default().with("status", self.statuses.iter().copied());
        if let Some(key) = &self.requirement {
            filter = filter.with("evidence_requirement_id", [find_requirement(store, organization, key).await?]);
        }
        let limit = usize::from(self.limit);
        let mut request = PageRequest { limit: PageLimit::clamped(self.limit.into()), ..PageRequest::default() };
        let mut claims = Vec::new();
        loop {
            let page = Reader::<EvidenceClaim>::list(store, organization, &filter, &request).await?;
            claims.extend(page.items);
            claims.truncate(limit);
            match page.next.filter(|_| claims.len() < limit) {
                Some(next) => request.after = Some(next),
                None => return Ok(claims),
            }
        }
    }
}

async fn find_requirement(
    store: &DynStore,
    organization: OrganizationId,
    key: &str,
) -> Result<Id<EvidenceRequirement>, Failure> {
    let found = Reader::<EvidenceRequirement>::get_by_keys(store, organization, &[key]).await?;
    let first = found.first().map(|requirement| requirement.meta.id);
    first.ok_or_else(|| Failure::new(format!("there is no evidence requirement {key} in this workspace")))
}

impl Show {
    pub(crate) async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        let claim = Installation::with(&context.settings, async |installation| {
            let workspace = find_workspace(installation, &self.workspace).await?;
            find_claim(&*installation.store, workspace.meta.id, &self.claim).await
        })
        .await?;
        context.output.print(&claim_document(&claim), || text(&claim))
    }
}

/// The JSON document of a claim.
pub(super) fn claim_document(stored: &Stored<EvidenceClaim>) -> Value {
    let claim = &stored.record;
    let attachments = claim.attachments.iter().map(|file| {
        json!({
            "id": file.id.to_string(),
            "file_name": file.file_name.as_str(),
            "content_type": file.content_type.as_str(),
            "size": file.size,
            "sha256": file.sha256.as_str(),
            "created_at": file.created_at.to_string(),
        })
    });
    json!({
        "id": stored.meta.id.to_string(),
        "evidence_requirement_id": claim.evidence_requirement_id.to_string(),
        "claim_key": claim.key.as_str(),
        "title": claim.title.as_str(),
        "description": claim.description.as_ref().map(Description::as_str),
        "status": claim.status.name(),
        "valid_from": claim.valid_from.to_string(),
        "valid_until": claim.valid_until.map(|at| at.to_string()),
        "source_kind": claim.source_kind.name(),
        "source_reference": claim.source_reference.as_ref().map(Reference::as_str),
        "attachments": attachments.collect::<Vec<_>>(),
        "reviewed_at": claim.reviewed_at.map(|at| at.to_string()),
        "review_note": claim.review_note.as_ref().map(Description::as_str),
        "created_at": stored.meta.created_at.to_string(),
        "updated_at": stored.meta.updated_at.to_string(),
    })
}

/// The fields of a claim that are shown, in this order, if they are not null.
const SHOWN: [&str; 13] = [
    "id",
    "claim_key",
    "evidence_requirement_id",
    "title",
    "description",
    "status",
    "valid_from",
    "valid_until",
    "source_kind",
    "source_reference",
    "reviewed_at",
    "review_note",
    "created_at",
];

/// The fields of a claim, one in each line, and then its attachments.
fn text(stored: &Stored<EvidenceClaim>) -> String {
    let document = claim_document(stored);
    let field = |name: &str| Some(vec![name.to_owned(), document[name].as_str()?.to_owned()]);
    let attachment = |file: AttachedFile| {
        let AttachedFile { id, file_name, size, sha256, .. } = file;
        vec!["attachment".to_owned(), format!("{id} {file_name} ({size} bytes) sha256:{sha256}")]
    };
    let fields = SHOWN.into_iter().filter_map(field);
    columns(&fields.chain(stored.record.attachments.iter().map(attachment)).collect::<Vec<_>>())
}
