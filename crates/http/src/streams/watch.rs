//! Revocation of open streams: a stream ends within 5 s after its caller loses access (contract v1 § 2).

use std::time::Duration;

use kernel::StoreError;
use scopes::{Scope, ScopeSet};
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::cut::Cut;
use crate::{app::App, call::Known};

/// The interval at which the access is checked, and the maximum time of a check. A stream thus ends at most twice this
/// time after a change, which leaves a second of the 5 s for the end to reach the client.
const LOOK: Duration = Duration::from_secs(2);

/// Waits until the caller has lost access, or its access can't be checked. Returns the reason to abort the stream.
pub(super) async fn until_lost(app: &App, principal: &Known, scope: Scope) -> Cut {
    let mut ticks = interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match timeout(LOOK, still_may(app, principal, scope)).await {
            Ok(Ok(true)) => {}
            Ok(Ok(false)) => return Cut::Lost,
            Ok(Err(error)) => return Cut::Unproved(Some(error)),
            Err(_) => return Cut::Unproved(None),
        }
    }
}

/// Whether the account still has the scope. The scopes of the token were checked when the request was authenticated.
/// The stream may continue after the token expires.
async fn still_may(app: &App, principal: &Known, scope: Scope) -> Result<bool, StoreError> {
    Ok(still_has(app, principal).await?.is_some_and(|scopes| scopes.contains(scope)))
}

/// Returns the current scopes of the account, or `None` if it is not active any more.
pub(super) async fn still_has(app: &App, principal: &Known) -> Result<Option<ScopeSet>, StoreError> {
    let account = principal.caller.account.meta.id;
    let current = app.accounts.present(&*app.services.store, principal.organization(), account).await?;
    let now = app.services.clock.now();
    Ok(current.filter(|cached| cached.account.record.is_active_at(now)).map(|cached| cached.account.record.scopes))
}
