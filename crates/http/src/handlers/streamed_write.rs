//! Writes whose body is streamed, such as uploads of files. What the body means is known only at its end, so that the
//! idempotency key is looked up before and compared after it is received.

use kernel::{Fingerprint, IdempotencyKey, StoredResponse};

use super::{
    execute::{Command, check_kept_responses, commit},
    key_use::{KeyUse, key_of, key_reused, replay},
};
use crate::{
    pipeline::App,
    request::{ApiRequest, Principal},
    response::{ApiResponse, Problem},
};

/// A write whose body is being received.
pub struct StreamedWrite<'a> {
    app: &'a App,
    request: &'a ApiRequest,
    principal: Principal,
    key: Option<IdempotencyKey>,
    /// The response to an earlier request with the key.
    earlier: Option<(Fingerprint, StoredResponse)>,
}

impl<'a> StreamedWrite<'a> {
    /// Begins the write, before its body is read. `head` is what the rest of the request says, or why it is invalid.
    ///
    /// # Errors
    /// The error of `head`, or a 422 response if the idempotency key was used with another request; a 429 response if the
    /// account keeps too many responses for its keys.
    pub async fn begin<T>(
        app: &'a App,
        request: &'a ApiRequest,
        head: Result<T, Problem>,
    ) -> Result<(Self, T), Problem> {
        let principal = request.principal()?.clone();
        let key = key_of(request, &principal)?;
        let earlier = match &key {
            Some(key) => app.services.store.stored_response(key, app.services.clock.now()).await?,
            None => None,
        };
        let write = Self { app, request, principal, key, earlier };
        // No request that is invalid has had a response that was stored.
        let head = head.map_err(|problem| if write.is_answered() { key_reused() } else { problem })?;
        if write.key.is_some() && !write.is_answered() {
            check_kept_responses(app, &write.principal).await?;
        }
        Ok((write, head))
    }

    /// Whether the key has a response. The body is then only compared with that of the earlier request, and the write ends
    /// with [`Self::replay`].
    #[must_use]
    pub fn is_answered(&self) -> bool {
        self.earlier.is_some()
    }

    /// Returns the replay of the response to the earlier request. `body` is the meaning of this one's body.
    ///
    /// # Errors
    /// A 422 response if the earlier request was another one.
    pub fn replay(self, body: &[&[u8]]) -> Result<ApiResponse, Problem> {
        let (Some(key), Some((earlier, stored))) = (self.key, self.earlier) else { return Err(Problem::internal()) };
        let key = KeyUse::new(key, self.request, body);
        if key.fingerprint == earlier { replay(self.app, self.request, &key.key, stored) } else { Err(key_reused()) }
    }

    /// Executes the command that the received body is part of. `body` is the meaning of the body.
    ///
    /// # Errors
    /// The error response.
    pub async fn execute<C: Command>(self, body: &[&[u8]], command: &C) -> Result<ApiResponse, Problem> {
        let Self { app, request, principal, key, .. } = self;
        let key = key.map(|key| KeyUse::new(key, request, body));
        commit(app, request, principal, key.as_ref(), command).await
    }
}
