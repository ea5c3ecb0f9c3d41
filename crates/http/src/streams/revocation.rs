//! Revocation of open streams: a stream ends within 5 s after its caller loses access (contract v1 § 2).

use std::time::Duration;

use kernel::StoreError;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::abort::StreamAbort;
use crate::{
    pipeline::{App, authenticate, current_scopes},
    request::{Access, ApiRequest, Principal},
    response::Problem,
};

/// The interval at which the access is checked, and the maximum time of a check. A stream thus ends at most twice this
/// time after a change, which leaves a second of the 5 s for the end to reach the client.
const CHECK_INTERVAL: Duration = Duration::from_secs(2);

/// Does work that may take long, such as receiving a file, unless the caller loses access meanwhile. Work that is not
/// complete then is dropped.
///
/// # Errors
/// Those of `work`; a 401 or 403 response if the caller has lost access, and a 503 response if that can't be checked.
pub async fn while_permitted<T>(
    app: &App,
    request: &ApiRequest,
    work: impl Future<Output = Result<T, Problem>>,
) -> Result<T, Problem> {
    let access = request.route.access;
    if !matches!(access, Access::Scope(_) | Access::Permission(_)) {
        return Err(Problem::internal());
    }
    let principal = request.principal()?;
    let revoked = async {
        sleep(CHECK_INTERVAL).await;
        wait_until_revoked(app, principal, access).await
    };
    let abort = tokio::select! {
        biased;
        done = work => return done,
        abort = revoked => abort,
    };
    abort.log(request.request_id, request.route.path);
    if !matches!(abort, StreamAbort::Revoked) {
        return Err(Problem::unavailable());
    }
    match access {
        Access::Scope(scope) => {
            authenticate(app, &request.parts.headers).await?;
            Err(Problem::forbidden(scope))
        }
        // A session may have ended, or its person has lost the permission; the next page says which.
        _ => Err(Problem::signed_out()),
    }
}

/// Waits until the caller has lost access, or its access can't be checked. Returns the reason to abort the stream.
pub(super) async fn wait_until_revoked(app: &App, principal: &Principal, access: Access) -> StreamAbort {
    let mut ticks = interval(CHECK_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match timeout(CHECK_INTERVAL, still_has(app, principal, access)).await {
            Ok(Ok(true)) => {}
            Ok(Ok(false)) => return StreamAbort::Revoked,
            Ok(Err(error)) => return StreamAbort::AccessUnknown(Some(error)),
            Err(_) => return StreamAbort::AccessUnknown(None),
        }
    }
}

/// Whether the caller still has the access. The scopes of an account's token were checked when the request was
/// authenticated, and the stream may continue after the token expires; a person's stream ends with their session.
async fn still_has(app: &App, principal: &Principal, access: Access) -> Result<bool, StoreError> {
    match (principal, access) {
        (Principal::Account(caller, _), Access::Scope(scope)) => {
            Ok(current_scopes(app, caller).await?.is_some_and(|scopes| scopes.contains(scope)))
        }
        (Principal::User(user), Access::Permission(permission)) => {
            app.services.people.still_permits(&user.caller, permission).await
        }
        _ => Ok(false),
    }
}
