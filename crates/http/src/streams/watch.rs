//! Whether the caller may still read what is on its way (contract v1 § 2: within 5 s).

use std::time::Duration;

use kernel::StoreError;
use scopes::{Scope, ScopeSet};
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::cut::Cut;
use crate::{app::App, call::Known};

/// How often that is asked, and how long the answer may take. So between a change and the end of the stream lie twice this
/// at most, which leaves a second for the end to get through.
const LOOK: Duration = Duration::from_secs(2);

/// Waits until it may not, or nobody can tell.
pub(super) async fn until_lost(app: &App, known: &Known, scope: Scope) -> Cut {
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        match timeout(LOOK, still_may(app, known, scope)).await {
            Ok(Ok(true)) => {}
            Ok(Ok(false)) => return Cut::Lost,
            Ok(Err(error)) => return Cut::Unproved(Some(error)),
            Err(_) => return Cut::Unproved(None),
        }
    }
}

/// By the account as it stands now. That the token gave the scope was seen when the call was admitted; that its own time
/// is over by now does not end what it began.
async fn still_may(app: &App, known: &Known, scope: Scope) -> Result<bool, StoreError> {
    Ok(still_has(app, known).await?.is_some_and(|scopes| scopes.contains(scope)))
}

/// The scopes of the account as it stands now; `None` where it does not.
pub(super) async fn still_has(app: &App, known: &Known) -> Result<Option<ScopeSet>, StoreError> {
    let account = known.caller.account.meta.id;
    let present = app.accounts.present(&*app.services.store, known.organization(), account).await?;
    let now = app.services.clock.now();
    Ok(present.filter(|cached| cached.account.record.stands(now)).map(|cached| cached.account.record.scopes))
}
