//! The audited context of changes without a request: they are made by a system actor, for a reason.

use kernel::{
    Action, Actor, ActorKind, Attribution, Changeset, CommitError, Organization, OrganizationId, OrganizationRef,
    Reader, Reason, Subject, WriteContext, WriteTimestamp,
};

use super::audit_sealer::AuditSealer;
use crate::{
    compose::{Installation, OPERATOR, OpenMode, SERVER, command_origin},
    failure::Failure,
    settings::Settings,
};

/// Maximum number of tries of a change that conflicts with concurrent changes.
const MAX_ATTEMPTS: u32 = 20;

/// The system actor of a command or of the server, with the open installation.
pub(crate) struct Operator {
    pub(crate) installation: Installation,
    name: &'static str,
    command: &'static str,
    /// The person on whose behalf the server works, and the request.
    person: Option<Attribution>,
    reason: Reason,
}

impl Operator {
    /// Opens the installation, runs `work` with it as the actor `command line`, and seals and closes it whether `work`
    /// succeeds or fails.
    ///
    /// # Errors
    /// If the installation can't be opened, or `work` fails.
    pub(crate) async fn run<T>(
        settings: &Settings,
        mode: OpenMode,
        command: &'static str,
        reason: Reason,
        work: impl AsyncFnOnce(&Self) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let installation = Installation::open(settings, mode).await?;
        let operator = Self { installation, name: OPERATOR, command, person: None, reason };
        let result = work(&operator).await;
        operator.finish().await;
        result
    }

    /// The actor of changes that the server makes on its own.
    pub(crate) fn for_server(installation: Installation, reason: Reason) -> Self {
        Self { installation, name: SERVER, command: "serve", person: None, reason }
    }

    /// The actor of changes that the server makes on behalf of a person, after their request was answered.
    pub(crate) fn for_person(installation: Installation, person: Attribution, reason: Reason) -> Self {
        Self { person: Some(person), ..Self::for_server(installation, reason) }
    }

    /// Returns the organization with this identifier.
    ///
    /// # Errors
    /// If there is none, or the store fails.
    pub(crate) async fn organization(&self, id: OrganizationId) -> Result<OrganizationRef, Failure> {
        let organization = Reader::<Organization>::get(&*self.installation.store, id, id).await?;
        organization
            .as_ref()
            .map(OrganizationRef::from)
            .ok_or_else(|| Failure::new(format!("there is no workspace {id}")))
    }

    /// The actor and origin that audit entries are attributed to: those of the person's request, or with a new request
    /// identifier.
    pub(crate) fn attribution(&self) -> Attribution {
        if let Some(person) = &self.person {
            return person.clone();
        }
        Attribution {
            actor: Actor { kind: ActorKind::System, id: None, name: self.name.into() },
            origin: command_origin(&*self.installation.entropy, self.installation.clock.now(), self.command),
            actor_revision: None,
        }
    }

    /// The reason for the changes.
    pub(crate) const fn reason(&self) -> &Reason {
        &self.reason
    }

    /// The context of a write to the organization.
    pub(crate) fn write_context<'a>(
        &'a self,
        organization: &'a OrganizationRef,
        attribution: &'a Attribution,
    ) -> WriteContext<'a> {
        WriteContext { organization, attribution, reason: Some(&self.reason), entropy: &*self.installation.entropy }
    }

    /// Begins a changeset of the organization with a new write timestamp and its first audit entry.
    pub(crate) fn changeset(
        &self,
        organization: &OrganizationRef,
        action: Action,
        subject: Option<Subject>,
    ) -> Changeset {
        self.changeset_at(self.installation.store.begin_write(), organization, action, subject)
    }

    /// Begins a changeset of the organization with this write timestamp and its first audit entry.
    pub(crate) fn changeset_at(
        &self,
        timestamp: WriteTimestamp,
        organization: &OrganizationRef,
        action: Action,
        subject: Option<Subject>,
    ) -> Changeset {
        self.write_context(organization, &self.attribution()).begin(timestamp, action, subject)
    }

    /// Commits the changeset that `decide` builds. If it conflicts with a concurrent change, calls `decide` again.
    ///
    /// # Errors
    /// If `decide` or the store fails, or the conflicts persist over 20 tries.
    pub(crate) async fn write<T>(
        &self,
        decide: impl AsyncFn() -> Result<(Changeset, T), Failure>,
    ) -> Result<T, Failure> {
        for _ in 0..MAX_ATTEMPTS {
            let (changeset, outcome) = decide().await?;
            match self.installation.store.commit(changeset).await {
                Ok(()) => return Ok(outcome),
                Err(CommitError::Conflict(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Failure::new("other processes kept changing the same record; try again"))
    }

    /// Seals the new audit entries, unless a running server does so, and closes the store.
    async fn finish(self) {
        let sealed = AuditSealer::new(&self.installation).seal_tail().await;
        self.installation.store.close().await;
        if let Err(error) = sealed {
            // Not an error of the command: the change is stored, and its output may contain a secret that is shown only
            // once.
            tracing::warn!(%error, "the change is stored, but its audit entries are not sealed yet: a running server will seal them");
        }
    }
}
