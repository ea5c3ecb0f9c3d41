//! The present revision of an account, which every call asks for: calls in flight share one query.

use std::{collections::HashMap, sync::Arc, sync::LazyLock};

use auth::AccountId;
use kernel::{OrganizationId, Revision, StoreError};

use crate::{
    coalesce::{Call, Waiting, fail},
    engine::{Engine, Session, Sql, Value},
    shape::rounded,
    statements::padded,
    texts::Texts,
};

type Question = (OrganizationId, AccountId);
type Calls = Vec<Call<Question, Option<Revision>>>;

/// Accounts' revisions by identifier: the callers' own organizations are compared afterwards.
static REVISIONS: LazyLock<Texts<usize>> = LazyLock::new(Texts::default);

pub(crate) struct Standing {
    waiting: Arc<Waiting<Question, Option<Revision>>>,
}

impl Standing {
    pub(crate) fn new() -> Self {
        Self { waiting: Arc::default() }
    }

    pub(crate) async fn revision(
        &self,
        engine: &Engine,
        organization: OrganizationId,
        account: AccountId,
    ) -> Result<Option<Revision>, StoreError> {
        let depart = || {
            let waiting = Arc::clone(&self.waiting);
            let stranded = Arc::clone(&self.waiting);
            engine.read_apart(
                waiting,
                |waiting, session| Box::pin(travel(waiting, session)),
                move |outcome: Result<(), StoreError>| {
                    if let Err(error) = outcome {
                        fail(stranded.board(), error);
                    }
                },
            );
        };
        self.waiting.ask((organization, account), depart).await
    }
}
