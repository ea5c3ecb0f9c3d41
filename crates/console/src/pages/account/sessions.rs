//! The sessions of a person.

use auth::{Session, SessionId, SessionLevel};
use futures_util::future::BoxFuture;
use http_api::{
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use maud::{Markup, html};
use people::{Author, PeopleError};

use super::SECTION;
use crate::{
    components::{TableColumn, form_token, table},
    pages::{
        form_texts::FormTexts,
        people::session::{problem_of, without_session},
    },
    response::redirect,
    viewer::Viewer,
};

/// Handles the form that ends one session, or all others.
pub(super) fn submit<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let FormTexts(texts) = FormTexts::read(request)?;
        let principal = request.principal()?;
        let caller = &principal.user()?.caller;
        let author = Author::user(caller, request.origin(), None);
        let (people, organization, user) = (&app.services.people, principal.organization_ref(), caller.user.meta.id);
        let chosen = texts.get("session").map_or("", String::as_str);
        if chosen == "others" {
            people.revoke_sessions(&author, organization, user).await.map_err(problem_of)?;
            return Ok(redirect(&format!("{SECTION}?done=sessions")).recorded());
        }
        let session: SessionId = chosen.parse().map_err(|_| Problem::not_found())?;
        match people.revoke_session(&author, organization, user, session).await {
            Ok(()) if session == caller.session.id => Ok(without_session(app, redirect("/app/sign-in")).recorded()),
            Ok(()) => Ok(redirect(&format!("{SECTION}?done=session")).recorded()),
            // It is over already, which is what was wanted.
            Err(PeopleError::NotFound) => {
                Ok(redirect(&format!("{SECTION}?done=session")).with_action("session.revoked.refused"))
            }
            Err(error) => Err(problem_of(error)),
        }
    })
}

/// The sessions in a table. With `own`, the session of the request, each has a button that ends it.
pub(in crate::pages) fn sessions_table(viewer: &Viewer, sessions: &[Session], own: Option<SessionId>) -> Markup {
    let mut columns = vec![
        TableColumn { title: "Browser".into(), class: "p" },
        TableColumn { title: "Address".into(), class: "" },
        TableColumn { title: "Last used".into(), class: "" },
    ];
    if own.is_some() {
        columns.push(TableColumn { title: "End it".into(), class: "num" });
    }
    let rows = html! { @for session in sessions { (row(viewer, session, own)) } };
    html! {
        @if sessions.is_empty() { div.body { p.muted { "Not signed in anywhere." } } }
        @else { div.body.flush { (table("Sessions, the one used last first", viewer.has_compact_rows, &columns, &rows)) } }
    }
}

fn row(viewer: &Viewer, session: &Session, own: Option<SessionId>) -> Markup {
    html! {
        tr role="row" {
            th.p scope="row" role="rowheader" {
                span title=[session.user_agent.as_deref()] { (browser(session.user_agent.as_deref())) }
                @if own == Some(session.id) { " " span.b.good { "This one" } }
                @if session.level != SessionLevel::Full { " " span.b.warn { "Waits for the second factor" } }
                span.sub {
                    @if let Some(system) = session.user_agent.as_deref().and_then(system) { span { (system) } }
                    span.nowrap { "Signed in " (viewer.zone.minute(session.created_at)) }
                }
            }
            td role="cell" data-l="Address" { (session.source_address.as_deref().unwrap_or("Unknown")) }
            td role="cell" data-l="Last used" { span.nowrap { (viewer.zone.minute(session.last_used_at)) } }
            @if own.is_some() {
                td.num role="cell" {
                    form method="post" action="/app/account/sessions" {
                        (form_token(viewer))
                        button.btn.sm name="session" value=(session.id) {
                            @if own == Some(session.id) { "Sign out" } @else { "End" span.vh { " the session of " (viewer.zone.minute_text(session.created_at)) } }
                        }
                    }
                }
            }
        }
    }
}

/// The name of a browser, by what it says about itself.
fn browser(user_agent: Option<&str>) -> &'static str {
    // Those that also name others come first.
    const NAMES: &[(&str, &str)] = &[
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
        ("curl/", "curl"),
    ];
    let Some(text) = user_agent else { return "Unknown browser" };
    NAMES.iter().find(|(mark, _)| text.contains(mark)).map_or("Another browser", |(_, name)| name)
}

/// The name of the operating system of a browser, by what the browser says about itself.
fn system(user_agent: &str) -> Option<&'static str> {
    const NAMES: &[(&str, &str)] = &[
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ];
    NAMES.iter().find(|(mark, _)| user_agent.contains(mark)).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_named_by_what_only_they_say() {
        let chrome =
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36";
        assert_eq!(browser(Some(chrome)), "Chrome");
        assert_eq!(browser(Some(&format!("{chrome} Edg/131.0"))), "Edge");
        assert_eq!(browser(Some("Mozilla/5.0 (X11; rv:133.0) Gecko/20100101 Firefox/133.0")), "Firefox");
        assert_eq!(browser(Some("anything <script>")), "Another browser");
        assert_eq!(browser(None), "Unknown browser");
        assert_eq!(system(chrome), Some("Linux"));
        assert_eq!(system("Mozilla/5.0 (Linux; Android 15)"), Some("Android"));
        assert_eq!(system("curl/8.14"), None);
    }
}
