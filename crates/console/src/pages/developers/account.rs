//! The page of one service account.

use audit::{AuditFilter, AuditLog, StoredEntry};
use auth::{Account, AccountLimits, AccountStatus, ServiceAccount};
use axum::http::StatusCode;
use futures_util::future::BoxFuture;
use http_api::{
    handlers::find,
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use kernel::{PageLimit, PageRequest, Subject, Timestamp};
use limits::{BucketKey, BucketState, Charge, Quota};
use maud::{Markup, html};
use store::{CallTotals, calls_in_last_week};

use super::{
    CREDENTIALS, Desk,
    account_calls::calls_card,
    account_state::{older_secret, scope, state},
};
use crate::{
    components::{Head, Icon, NONE, card, copyable, flash, heading, meter, page, tabs},
    pages::{
        audit::{calls_table, of_subjects},
        form_texts::query_value,
    },
    registers::RecordNames,
    response::page_response,
    words::grouped,
};

/// The number of calls that the page shows.
const RECENT: u64 = 8;

/// The present use of the limits of an account.
struct Use {
    reads: Option<BucketState>,
    writes: Option<BucketState>,
    workspace: Option<BucketState>,
}

/// The content of the page.
struct View {
    used: Option<Timestamp>,
    in_use: Use,
    /// The calls in each of the last hours.
    calls: Vec<CallTotals>,
    recent: Vec<StoredEntry>,
    /// The names of the subjects of the recent calls.
    names: RecordNames,
    done: Option<String>,
}

/// Handles the request.
pub(super) fn handle<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let desk = Desk::of(app, request)?;
        let account = find::<ServiceAccount>(app, request).await?;
        let (store, organization) = (&app.services.store, account.meta.organization);
        let used = store.last_used(organization, account.meta.id).await?;
        let filter = AuditFilter { actors: [account.meta.id.to_string()].into(), ..AuditFilter::default() };
        let recent = PageRequest { limit: PageLimit::clamped(RECENT), ..PageRequest::default() };
        let recent = AuditLog::entries(&**store, organization, &filter, &recent).await?.items;
        // The time of the last use is stored with a delay.
        let answered = recent.iter().filter(|stored| stored.entry.status.is_some_and(|status| status < 400));
        let view = View {
            used: answered.map(|stored| stored.entry.occurred_at).chain(used).max(),
            in_use: present_use(&desk, &account).await?,
            calls: calls_in_last_week(&**store, organization, account.meta.id, desk.now).await?,
            names: of_subjects(app, organization, &recent).await?,
            recent,
            done: query_value(request, "done"),
        };
        let page = overview(&desk, &account, &view);
        Ok(page_response(StatusCode::OK, page).with_subject(Subject::from_id(account.meta.id)))
    })
}

/// The calls that are left in the buckets. A call is taken from each and given back, so it is
/// added to what is left.
async fn present_use(desk: &Desk<'_>, account: &Account) -> Result<Use, Problem> {
    let AccountLimits { reads, writes } = account.record.limits;
    let (quotas, organization, id) =
        (desk.app.services.settings.quotas, account.meta.organization, account.meta.ulid());
    let peek = async |key, calls| {
        let charge = [Charge { key, quota: Quota::per_minute(calls) }];
        let limits = &desk.app.services.limits;
        let decision = limits.charge(&charge, desk.now).await?;
        let is_refunded = matches!(decision, limits::Decision::Allowed { .. });
        if is_refunded {
            limits.refund(&charge, desk.now);
        }
        let state = decision.bucket_state();
        Ok::<_, Problem>(
            state.map(|state| BucketState { remaining: state.remaining + u32::from(is_refunded), ..state }),
        )
    };
    Ok(Use {
        reads: peek(BucketKey::TokenRead(organization, id), reads.unwrap_or(quotas.token_read)).await?,
        writes: peek(BucketKey::TokenWrite(organization, id), writes.unwrap_or(quotas.token_write)).await?,
        workspace: peek(BucketKey::Organization(organization), quotas.organization).await?,
    })
}

/// The frame of the pages of an account, which are its tabs. `tab` is the end of the address.
pub(in crate::pages) fn frame(desk: &Desk<'_>, account: &Account, tab: &str, content: &Markup) -> Markup {
    let href = format!("{CREDENTIALS}/{}", account.meta.id);
    let name = account.record.name.as_str();
    let is_active = account.record.status == AccountStatus::Active;
    let below = html! {
        div.meta {
            (state(account, desk.now))
            (copyable("client-id", &account.meta.id.to_string(), "client id"))
        }
    };
    let actions = html! {
        @if desk.may_manage() {
            @if is_active {
                a.btn href={ (href) "/rotate" } { (Icon::Replay) "Rotate the secret…" }
                a.btn.danger href={ (href) "/status" } { (Icon::Disable) "Disable…" }
            } @else {
                a.btn href={ (href) "/status" } { (Icon::Check) "Enable…" }
                a.btn href={ (href) "/rotate" } { (Icon::Replay) "Rotate the secret…" }
            }
        }
    };
    let parts = [
        ("", "Overview"),
        ("/calls", "Calls"),
        ("/findings", "Findings"),
        ("/webhooks", "Webhooks"),
        ("/changes", "Changes"),
    ];
    let hrefs = parts.map(|(end, title)| (format!("{href}{end}"), title));
    let links: Vec<(&str, &str)> = hrefs.iter().map(|(href, title)| (href.as_str(), *title)).collect();
    let content = html! {
        (heading(name, &below, &actions))
        (tabs("Service account", &links, &format!("{href}{tab}")))
        (content)
    };
    let head = Head { title: name, section: CREDENTIALS, above: &[("Credentials", CREDENTIALS)], ..Head::default() };
    page(&desk.viewer, &head, &content)
}

fn overview(desk: &Desk<'_>, account: &Account, view: &View) -> Markup {
    let href = format!("{CREDENTIALS}/{}", account.meta.id);
    let link = |end: &str, title: &str| html! { @if desk.may_manage() { a href={ (href) (end) } { (title) } } };
    let done = view.done.as_deref().and_then(|done| match done {
        "disabled" => Some("The service account is disabled. Its next call is refused."),
        "enabled" => Some("The service account is enabled."),
        "scopes" => Some("The scopes were changed. A scope that was removed is refused from the next call on; one that was added comes with the next token."),
        "limits" => Some("The limits were changed."),
        "saved" => Some("The service account was saved."),
        _ => None,
    });
    let content = html! {
        @if let Some(done) = done { (flash(done)) }
        div.split {
            div.stack {
                (calls_card(&desk.viewer, &view.calls, desk.now))
                (card("use", "Use of the limits, now", &link("/limits", "Change"), &limits_now(&view.in_use)))
                (card("calls", "Recent calls", &html! { a href={ (href) "/calls" } { "All calls" } }, &html! {
                    @if view.recent.is_empty() { div.body { p.muted { "It has made no call yet." } } }
                    @else { div.body.flush { (calls_table(&desk.viewer, &view.names, "Recent calls of this account", &view.recent)) } }
                }))
            }
            div.aside {
                (card("scopes", "Scopes", &link("/scopes", "Change"), &html! {
                    div.body { ul.stack.small {
                        @for one in account.record.scopes.iter() { li { (scope(one)) br; span.muted { (one.description()) } } }
                    } }
                }))
                (card("secret", "Secret", &link("/rotate", "Rotate"), &secret(desk, account)))
                (card("account", "Account", &link("/edit", "Edit"), &about(desk, account, view.used)))
            }
        }
    };
    frame(desk, account, "", &content)
}

fn limits_now(in_use: &Use) -> Markup {
    let rows = [("Reads", in_use.reads), ("Writes", in_use.writes), ("All accounts together", in_use.workspace)];
    html! {
        div.body {
            div.hbars.small {
                @for (title, state) in rows {
                    @if let Some(state) = state {
                        @let used = state.limit.saturating_sub(state.remaining);
                        span { (title) }
                        (meter("", Some(&format!("{} of {} used", grouped(used.into()), grouped(state.limit.into()))), &[("f-accent", used.min(state.limit).into())], state.limit.into()))
                        span.num { (grouped(used.into())) " of " (grouped(state.limit.into())) }
                    }
                }
            }
            p.small.muted { "Calls that have not refilled yet. A full bucket refills within a minute. Several servers each know their own part." }
        }
    }
}

fn secret(desk: &Desk<'_>, account: &Account) -> Markup {
    let is_active = account.record.is_active_at(desk.now);
    let old = older_secret(account, desk.now);
    html! {
        div.body { dl.dl {
            dt { "Present secret" }
            dd {
                @if is_active { "Works" }
                @else if account.record.status == AccountStatus::Disabled { "Refused while the account is disabled" }
                @else { "Refused: the account has expired" }
            }
            @if let Some(end) = old { dt { "Older secret" } dd { "Works until " (desk.viewer.zone.second(end)) } }
        } }
        footer { "Rotating gives a second secret, and the present one works for a while." }
    }
}

fn about(desk: &Desk<'_>, account: &Account, used: Option<Timestamp>) -> Markup {
    let ServiceAccount { contact, expires_at, limits, .. } = &account.record;
    let zone = &desk.viewer.zone;
    let limit = |limit: Option<u32>| {
        limit.map_or_else(|| "The default".to_owned(), |calls| format!("{} a minute", grouped(calls.into())))
    };
    html! {
        div.body { dl.dl {
            dt { "Last used" } dd { @if let Some(used) = used { (zone.ago(used, desk.now)) } @else { "Never" } }
            dt { "Created" } dd { (zone.minute(account.meta.created_at)) }
            dt { "Contact" } dd { @if let Some(contact) = contact { (contact) } @else { "None" } }
            dt { "Expires" } dd { @if let Some(expiry) = expires_at { (zone.end(*expiry)) } @else { "Never" } }
            dt { "Reads" } dd { (limit(limits.reads)) }
            dt { "Writes" } dd { (limit(limits.writes)) }
        } }
    }
}

/// The page of a form that changes an account.
pub(super) fn form_page(
    desk: &Desk<'_>,
    account: &Account,
    title: &str,
    has_problem: bool,
    content: &Markup,
) -> Markup {
    let href = format!("{CREDENTIALS}/{}", account.meta.id);
    let name = account.record.name.as_str();
    let above = [("Credentials", CREDENTIALS), (name, href.as_str())];
    let content = html! { (heading(title, &NONE, &NONE)) (content) };
    page(&desk.viewer, &Head { title, section: CREDENTIALS, above: &above, has_problem, ..Head::default() }, &content)
}
