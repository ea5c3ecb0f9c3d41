//! An operator at work: commands that change something act as `command line`, with a reason, on record.

use std::sync::Arc;

use clap::Args;
use kernel::{
    Action, Actor, ActorKind, Attribution, Changeset, CommitError, Id, Organization, OrganizationId, Origin, Reason,
    Slug, Stamp, Stored, Subject,
};

use crate::{
    cli::Context,
    compose::{Installation, Opening},
    failure::Failure,
    sealing::Sealer,
};

/// How often a lost race is run again.
const TRIES: u32 = 20;

/// Why an operator does what they do.
#[derive(Debug, Args)]
pub(crate) struct Why {
    /// Why, for the audit log; 10 to 1000 characters [default: command line: <command>]
    #[arg(long)]
    reason: Option<String>,
}

/// An operator, with the installation open before them.
pub(crate) struct Operator {
    pub(crate) installation: Installation,
    name: &'static str,
    command: &'static str,
    reason: Reason,
}

impl Operator {
    /// Does a command's work with the installation open, and leaves it in order however the work ends.
    ///
    /// # Errors
    /// A reason that is too short, whatever keeps the installation from being opened, and what the work fails with.
    pub(crate) async fn work<T>(
        context: &Context,
        command: &'static str,
        why: &Why,
        work: impl AsyncFnOnce(&Self) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        Self::work_in(Opening::Tool, context, command, why, work).await
    }

    /// The same, where the installation may begin with this command.
    ///
    /// # Errors
    /// As [`Self::work`].
    pub(crate) async fn found<T>(
        context: &Context,
        command: &'static str,
        why: &Why,
        work: impl AsyncFnOnce(&Self) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        Self::work_in(Opening::Founder, context, command, why, work).await
    }

    async fn work_in<T>(
        opening: Opening,
        context: &Context,
        command: &'static str,
        why: &Why,
        work: impl AsyncFnOnce(&Self) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let reason = why.reason.clone().unwrap_or_else(|| format!("command line: {command}"));
        let reason = Reason::parse(&reason).map_err(|error| Failure::usage(format!("--reason {error}")))?;
        let installation = Installation::open(&context.settings, opening).await?;
        let operator = Self { installation, name: "command line", command, reason };
        let done = work(&operator).await;
        operator.leave().await;
        done
    }

    /// The server itself, before it serves.
    pub(crate) fn server(installation: Installation, reason: Reason) -> Self {
        Self { installation, name: "novantra", command: "serve", reason }
    }

    /// The workspace with this slug.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) async fn workspace(&self, slug: &str) -> Result<Stored<Organization>, Failure> {
        find_workspace(&self.installation, slug).await
    }

    /// On whose behalf changes are made, and how.
    pub(crate) fn attribution(&self, organization: OrganizationId) -> Attribution {
        let clock = &self.installation.clock;
        Attribution {
            organization,
            actor: Actor { kind: ActorKind::System, id: None, name: self.name.into() },
            origin: Origin {
                request_id: Id::new(self.installation.entropy.ulid(clock.now())),
                method: None,
                route: Some(format!("novantra {}", self.command).into()),
                source_address: None,
                user_agent: None,
            },
            standing: None,
        }
    }

    /// Why changes are made.
    pub(crate) fn reason(&self) -> &Reason {
        &self.reason
    }

    /// A changeset of the organization, stamped now, with its first audit entry.
    pub(crate) fn changeset(
        &self,
        organization: OrganizationId,
        action: Action,
        subject: Option<Subject>,
    ) -> Changeset {
        self.changeset_at(self.installation.store.begin(), organization, action, subject)
    }

    /// A changeset of the organization with its first audit entry.
    pub(crate) fn changeset_at(
        &self,
        stamp: Stamp,
        organization: OrganizationId,
        action: Action,
        subject: Option<Subject>,
    ) -> Changeset {
        let attribution = self.attribution(organization);
        Changeset::new(&*self.installation.entropy, stamp, attribution, action, subject, Some(self.reason.clone()))
    }

    /// Reads and decides, stores what was decided, and does it all again when somebody else was faster.
    ///
    /// # Errors
    /// What `decide` says, or the store.
    pub(crate) async fn write<T>(
        &self,
        decide: impl AsyncFn() -> Result<(Changeset, T), Failure>,
    ) -> Result<T, Failure> {
        for _ in 0..TRIES {
            let (changeset, outcome) = decide().await?;
            match self.installation.store.commit(changeset).await {
                Ok(()) => return Ok(outcome),
                Err(CommitError::Conflict(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Failure::new("others kept changing the same record; try again"))
    }

    /// Ends the work: seals what it left in the audit log, unless a server does, and closes the store.
    async fn leave(self) {
        let sealed = Sealer::new(&self.installation).seal_tail().await;
        self.installation.store.close().await;
        if let Err(error) = sealed {
            // The work is done, and what it says, a new secret maybe, is said once only.
            tracing::warn!(%error, "the change is made, but its audit entries are not sealed yet");
        }
    }
}

/// The workspace with this slug.
///
/// # Errors
/// When there is none.
pub(crate) async fn find_workspace(installation: &Installation, slug: &str) -> Result<Stored<Organization>, Failure> {
    let store = Arc::clone(&installation.store);
    let known = match Slug::parse(slug) {
        Ok(slug) => store.organization(&slug).await?,
        Err(_) => None,
    };
    known.ok_or_else(|| Failure::new(format!("there is no workspace {slug:?}; novantra workspace list shows them")))
}
