//! The overview: where the organization stands, from counts that a background task keeps. Nothing is counted for a visit:
//! the page reads the rollups, a few records of bounded ranges of an index, and the calls of a few accounts.

mod evidence;
mod findings;
mod first_steps;
mod integrations;
mod numbers;
mod stats;
mod submissions;
#[cfg(test)]
mod tests;

use auth::Permission;
use axum::http::StatusCode;
use futures_util::future::BoxFuture;
use http_api::{
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use maud::{Markup, html};

use super::viewer;
use crate::{
    components::{Head, Icon, NONE, Tone, heading, note, page, stat_strip},
    response::page_response,
    viewer::Viewer,
};
use numbers::OverviewData;

pub(super) use integrations::is_mostly_refused;

/// The periods that can be chosen, in weeks.
const PERIODS: [u8; 3] = [13, 26, 52];

/// The period of the page without a choice.
const DEFAULT_PERIOD: u8 = 26;

/// Handles the request.
pub(crate) fn handle<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let weeks = period(request.query());
        let viewer = viewer(request)?;
        let organization = request.principal()?.organization();
        let shows_integrations = viewer.role.permits(Permission::ReadIntegrations);
        let data = OverviewData::read(app, organization, weeks, shows_integrations).await?;
        Ok(page_response(StatusCode::OK, overview(&viewer, &data)))
    })
}

/// Returns the period that the query chooses. An unknown one is the default.
fn period(query: &str) -> u8 {
    let chosen = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "weeks");
    let weeks = chosen.and_then(|(_, value)| value.parse().ok());
    weeks.filter(|weeks| PERIODS.contains(weeks)).unwrap_or(DEFAULT_PERIOD)
}

/// The page.
fn overview(viewer: &Viewer, data: &OverviewData) -> Markup {
    let below = html! {
        p {
            (viewer.workspace)
            @if let Some(as_of) = data.as_of { ", as of " (viewer.zone.minute(as_of)) }
            "."
        }
    };
    let content = html! {
        (heading("Overview", &below, &periods(data.weeks)))
        @if data.as_of.is_none() {
            (note(Tone::Information, "The records are being counted.", "Load this page again in a few seconds."))
        }
        (alert(viewer, data))
        (first_steps::first_steps(viewer, data))
        (stat_strip("Needs attention", &stats::stats(viewer, data)))
        div.cols.even {
            div.c8 { (findings::open_by_week(data)) }
            div.c4 { (findings::by_age(data)) }
        }
        div.cols.even {
            div.c7 { (findings::overdue(viewer, data)) }
            div.c5 { (evidence::validity(viewer, data)) }
        }
        (submissions::due(viewer, data))
        @if let Some(integrations) = &data.integrations { (integrations::health(viewer, data, integrations)) }
    };
    page(viewer, &Head { title: "Overview", section: "/app", ..Head::default() }, &content)
}

fn periods(current: u8) -> Markup {
    html! {
        nav.seg aria-label="Period" {
            @for weeks in PERIODS {
                a href={ "/app?weeks=" (weeks) } aria-current=[(weeks == current).then_some("true")] { (weeks) " weeks" }
            }
        }
    }
}

/// The one thing that must not be overlooked, if there is one.
fn alert(viewer: &Viewer, data: &OverviewData) -> Markup {
    if let Some(alert) = data.integrations.as_ref().and_then(|shown| integrations::failing_alert(viewer, data, shown)) {
        return alert;
    }
    submissions::overdue_alert(viewer, data).unwrap_or(NONE)
}

/// A notice with what to do about it.
fn alert_note(lead: &Markup, rest: &str, href: &str, action: &str) -> Markup {
    html! {
        div.note.bad {
            (Icon::AlertCircle)
            div { b { (lead) } p { (rest) } }
            div.do { a.btn.sm href=(href) { (action) } }
        }
    }
}
