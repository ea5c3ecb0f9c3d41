//! Rate limits, and the response headers that report them (contract v1 § 5).

use std::net::{IpAddr, Ipv4Addr};

use auth::{Account, AccountId, AccountLimits};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use kernel::OrganizationId;
use limits::{BucketKey, Charge as BucketCharge, Decision, Peer, Quota};
use ulid::Ulid;

use super::{app::App, endpoint::Endpoint};
use crate::{
    request::{Charge, DEVICE_COOKIE, Principal, cookie_value},
    response::Problem,
};

/// The result of charging a request to the buckets of its account and organization.
pub(crate) struct RateLimit {
    charges: [BucketCharge; 2],
    decision: Decision,
}

impl RateLimit {
    /// Returns the seconds until the next request is allowed, if the rate limit is exceeded.
    pub(crate) fn retry_after(&self) -> Option<u64> {
        retry_after(&self.decision)
    }

    /// Returns the calls that the request was charged with to their buckets.
    pub(crate) fn refund(&mut self, app: &App) {
        if let Decision::Allowed { nearest } = &mut self.decision {
            app.services.limits.refund(&self.charges, app.services.clock.now());
            if let Some(state) = nearest {
                state.remaining = state.remaining.saturating_add(1).min(state.limit);
            }
        }
    }

    /// Writes the state of the bucket that is closest to empty to the response headers.
    pub(crate) fn write_headers(&self, headers: &mut HeaderMap) {
        let Some(state) = self.decision.bucket_state() else { return };
        headers.insert(HeaderName::from_static("x-ratelimit-limit"), HeaderValue::from(state.limit));
        headers.insert(HeaderName::from_static("x-ratelimit-remaining"), HeaderValue::from(state.remaining));
        headers.insert(HeaderName::from_static("x-ratelimit-reset"), HeaderValue::from(state.reset_at.seconds()));
        headers.insert(HeaderName::from_static("x-ratelimit-bucket"), HeaderValue::from_static(state.bucket.name()));
    }
}

/// Charges a request to the buckets of the account and of the organization.
pub(crate) async fn charge(app: &App, account: &Account, charge: Charge) -> Result<RateLimit, Problem> {
    charge_holder(app, account.meta.organization, account.meta.ulid(), account.record.limits, charge).await
}

/// Charges a request to the buckets of the person who has signed in and of the organization.
pub(crate) async fn charge_user(app: &App, principal: &Principal, charge: Charge) -> Result<RateLimit, Problem> {
    charge_holder(app, principal.organization(), principal.id(), AccountLimits::default(), charge).await
}

async fn charge_holder(
    app: &App,
    organization: OrganizationId,
    id: Ulid,
    limits: AccountLimits,
    charge: Charge,
) -> Result<RateLimit, Problem> {
    let quotas = app.services.settings.quotas;
    let account_charge = match charge {
        Charge::Read | Charge::Free => BucketCharge {
            key: BucketKey::TokenRead(organization, id),
            quota: Quota::per_minute(limits.reads.unwrap_or(quotas.token_read)),
        },
        Charge::Write => BucketCharge {
            key: BucketKey::TokenWrite(organization, id),
            quota: Quota::per_minute(limits.writes.unwrap_or(quotas.token_write)),
        },
    };
    let organization_charge =
        BucketCharge { key: BucketKey::Organization(organization), quota: Quota::per_minute(quotas.organization) };
    let charges = [account_charge, organization_charge];
    let decision = app.services.limits.charge(&charges, app.services.clock.now()).await?;
    Ok(RateLimit { charges, decision })
}

/// Charges an issued token to the authenticated account.
///
/// # Errors
/// A 429 response if the account has requested too many.
pub async fn charge_token(app: &App, account: &Account) -> Result<(), Problem> {
    let quota = Quota::per_minute(app.services.settings.quotas.token_endpoint);
    let key = BucketKey::TokenIssue(account.meta.organization, account.meta.ulid());
    charge_or_reject(app, &[BucketCharge { key, quota }]).await
}

/// Charges a failed token request to the client id at its address and to the address, so that knowing a client id is
/// not enough to lock its account out.
///
/// # Errors
/// A 429 response if there were too many.
pub async fn charge_token_failure(app: &App, client_id: &str, address: Option<IpAddr>) -> Result<(), Problem> {
    let quotas = app.services.settings.quotas;
    let peer = peer(address);
    let account = client_id.parse::<AccountId>().map_or(Ulid::nil(), AccountId::ulid);
    let charges = [
        BucketCharge { key: BucketKey::TokenFailure(account, peer), quota: Quota::per_minute(quotas.token_endpoint) },
        BucketCharge {
            key: BucketKey::TokenFailureAddress(peer),
            quota: Quota::per_minute(quotas.token_endpoint_address),
        },
    ];
    charge_or_reject(app, &charges).await
}

/// Charges a request that is charged to no account to its address, so that strangers can't make the server work without
/// limit. A request that names an account without proving it is charged to the account at the address: the clients
/// behind one address affect each other only if they use the same account. One for a page, which leads to the sign-in, is
/// charged as that is.
///
/// # Errors
/// A 429 response if there were too many.
pub(super) async fn charge_stranger(
    app: &App,
    endpoint: &Endpoint,
    account: Option<AccountId>,
    cookies: impl Iterator<Item = &HeaderValue>,
    address: Option<IpAddr>,
) -> Result<(), Problem> {
    if endpoint.is_page_for_people() {
        return charge_public_page(app, cookies, address).await;
    }
    let quota = Quota::per_minute(app.services.settings.quotas.unauthenticated);
    let account = account.map_or(Ulid::nil(), AccountId::ulid);
    charge_or_reject(app, &[BucketCharge { key: BucketKey::Unauthenticated(account, peer(address)), quota }]).await
}

/// Charges a request for a page on which somebody may sign in, or that leads there: to the device if somebody signed in on
/// it before, which a signed cookie proves, otherwise to the address. So neither probes of the API nor other devices at an
/// address keep people from the sign-in on a device of theirs.
///
/// # Errors
/// A 429 response if there were too many.
pub(super) async fn charge_public_page(
    app: &App,
    cookies: impl Iterator<Item = &HeaderValue>,
    address: Option<IpAddr>,
) -> Result<(), Problem> {
    let quota = Quota::per_minute(app.services.settings.quotas.unauthenticated);
    let device = cookie_value(cookies, DEVICE_COOKIE).and_then(|cookie| app.services.people.recognized_device(cookie));
    let key = match device {
        Some((organization, device)) => BucketKey::PublicPageDevice(organization, device),
        None => BucketKey::PublicPage(peer(address)),
    };
    charge_or_reject(app, &[BucketCharge { key, quota }]).await
}

fn peer(address: Option<IpAddr>) -> Peer {
    Peer::from(address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)))
}

/// Charges the buckets, and returns an error if one of them is exhausted.
async fn charge_or_reject(app: &App, charges: &[BucketCharge]) -> Result<(), Problem> {
    let decision = app.services.limits.charge(charges, app.services.clock.now()).await?;
    retry_after(&decision).map_or(Ok(()), |seconds| Err(Problem::rate_limited(seconds)))
}

/// The seconds until the next request is allowed, if a bucket is empty.
fn retry_after(decision: &Decision) -> Option<u64> {
    match decision {
        Decision::Allowed { .. } => None,
        Decision::Refused { retry_after, .. } => Some(retry_after.as_secs().max(1)),
    }
}
