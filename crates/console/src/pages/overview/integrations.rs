//! The health of integrations: the service accounts, their calls and their deliveries.

use std::time::Duration;

use kernel::Timestamp;
use maud::{Markup, html};
use store::CallTotals;

use super::{
    alert_note,
    findings::card_with,
    numbers::{AccountHealth, Integrations, OverviewData},
};
use crate::{
    components::{TableColumn, sparkline, table},
    viewer::Viewer,
    words::{counted, grouped, percent},
};

/// The time before the expiry of an account in which it is shown.
const EXPIRING: Duration = Duration::from_secs(14 * 24 * 60 * 60);

const ACCOUNTS: &str = "/app/developers/api/credentials";

/// The accounts with the most calls.
pub(super) fn health(viewer: &Viewer, data: &OverviewData, integrations: &Integrations) -> Markup {
    let about = if integrations.has_more {
        "The last 24 hours, of the service accounts with the most calls."
    } else {
        "The last 24 hours, by service account."
    };
    let more = html! { a href=(ACCOUNTS) { "Credentials" } };
    if integrations.accounts.is_empty() {
        let nothing = html! { div.body { p.muted { "There are no active service accounts." } } };
        return card_with("integrations", "Integrations", about, &more, &nothing);
    }
    let column = |title: &'static str, class| TableColumn { title: title.into(), class };
    let columns = [
        column("Service account", "p"),
        column("State", ""),
        column("Calls by hour", "gone"),
        column("Calls", "num"),
        column("Refused", "num"),
        column("Deliveries waiting", "num t2"),
        column("Last call", "num"),
    ];
    let rows = html! {
        @for health in &integrations.accounts { (row(viewer, data.now, integrations, health)) }
    };
    let label = "Health of each integration over the last 24 hours";
    let body = html! { div.body.flush { (table(label, viewer.has_compact_rows, &columns, &rows)) } };
    card_with("integrations", "Integrations", about, &more, &body)
}

fn row(viewer: &Viewer, now: Timestamp, integrations: &Integrations, health: &AccountHealth) -> Markup {
    let (name, total) = (health.account.record.name.as_str(), health.total());
    let id = health.account.meta.id;
    let bars: Vec<(u64, bool)> = health.calls.iter().map(|calls| (calls.total(), is_mostly_refused(*calls))).collect();
    let waiting = integrations.deliveries.as_ref().map_or(0, |counts| counts.waiting_for(id));
    html! {
        tr role="row" {
            th.p scope="row" role="rowheader" { a.prime href={ (ACCOUNTS) "/" (id) } { (name) } }
            td role="cell" { (state(viewer, now, integrations, health)) }
            td.gone role="cell" { (sparkline(&format!("Calls by hour for {name}"), &bars)) }
            td.num role="cell" data-l="Calls" { (grouped(total.total())) }
            td.num role="cell" data-l="Refused" { (percent(total.refused + total.limited, total.total())) }
            td.num.t2 role="cell" data-l="Deliveries waiting" { (grouped(waiting)) }
            td.num role="cell" data-l="Last call" {
                @if let Some(at) = health.last_used { (viewer.zone.near(at, now)) } @else { span.muted { "Never" } }
            }
        }
    }
}

/// The most urgent of the states of an account.
fn state(viewer: &Viewer, now: Timestamp, integrations: &Integrations, health: &AccountHealth) -> Markup {
    let id = health.account.meta.id;
    let has_failing =
        integrations.deliveries.as_ref().is_some_and(|counts| counts.failing().any(|(_, of, _)| of == id));
    // The current hour and the one before it.
    let recent = health.calls.iter().rev().take(2);
    let expires_at = health.account.record.expires_at;
    if expires_at.is_some_and(|at| at <= now) {
        html! { span.b.bad { "Expired" } }
    } else if has_failing {
        html! { span.b.bad { "Deliveries failing" } }
    } else if recent.clone().any(|calls| calls.failed > 0) {
        html! { span.b.bad { "Calls fail" } }
    } else if recent.clone().any(|calls| calls.limited > 0) {
        html! { span.b.warn { "Rate limited" } }
    } else if recent.clone().any(|calls| is_mostly_refused(*calls)) {
        html! { span.b.warn { "Mostly refused" } }
    } else if let Some(at) = expires_at.filter(|at| *at <= now + EXPIRING) {
        let days = usize::try_from(viewer.zone.days_between(now, at)).unwrap_or_default();
        html! { span.b.warn { "Expires in " (counted(days, "day", "days")) } }
    } else if health.last_used.is_none() && health.total().total() == 0 {
        html! { span.b { "Not used yet" } }
    } else {
        html! { span.b.good { "Healthy" } }
    }
}

/// Whether more than half of the calls were refused or failed.
pub(in crate::pages) const fn is_mostly_refused(calls: CallTotals) -> bool {
    calls.total() > 0 && (calls.total() - calls.answered).saturating_mul(2) > calls.total()
}

/// The notice of an endpoint that fails.
pub(super) fn failing_alert(viewer: &Viewer, data: &OverviewData, integrations: &Integrations) -> Option<Markup> {
    let (name, since) = integrations.failing.as_ref()?;
    let waiting = integrations.deliveries.as_ref().map_or(0, store::DeliveryCounts::waiting);
    let lead = html! { "Deliveries to " (name) " have failed since " (viewer.zone.near(*since, data.now)) "." };
    let waiting =
        if waiting == 1 { "1 delivery waits".to_owned() } else { format!("{} deliveries wait", grouped(waiting)) };
    let rest = format!("{waiting}. Novantra keeps trying for about three days, then they can be replayed by hand.");
    Some(alert_note(&lead, &rest, "/app/developers/webhooks", "See the deliveries"))
}
