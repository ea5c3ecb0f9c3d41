//! The name and the time zone of a person.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use futures_util::future::BoxFuture;
use http_api::{
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use kernel::{RecordKey, TitleRule};
use maud::{Markup, html};

use super::{SECTION, head};
use crate::{
    components::{Field, NONE, form_token, heading, page, problem_summary},
    pages::{
        form_texts::FormTexts,
        people::session::{client, problem_of},
        viewer,
    },
    response::{page_response, redirect},
    text_fault::parse_text,
    viewer::Viewer,
};

/// Handles the request for the form.
pub(super) fn open<'a>(_: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let user = &request.principal()?.user()?.caller.user.record;
        let zone = user.timezone.as_ref().map_or("", RecordKey::as_str);
        let typed = [("name", user.name.as_str()), ("timezone", zone)];
        let typed = typed.into_iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect();
        Ok(page_response(StatusCode::OK, form(&viewer(request)?, &typed, &[])))
    })
}

/// Handles the form.
pub(super) fn submit<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let FormTexts(texts) = FormTexts::read(request)?;
        let text = |name: &str| texts.get(name).map_or("", |text| text.trim());
        let name = parse_text::<TitleRule>(text("name"));
        let zone = Some(text("timezone")).filter(|text| !text.is_empty()).map(time_zone).transpose();
        match (name, zone) {
            (Ok(name), Ok(zone)) => {
                let caller = &request.principal()?.user()?.caller;
                app.services.people.set_profile(caller, name, zone, &client(request)).await.map_err(problem_of)?;
                Ok(redirect(&format!("{SECTION}?done=profile")).recorded())
            }
            (name, zone) => {
                let faults = [
                    name.err().map(|error| ("name".to_owned(), format!("The name {error}."))),
                    zone.err().map(|message| ("timezone".to_owned(), message)),
                ];
                let faults: Vec<_> = faults.into_iter().flatten().collect();
                Ok(page_response(StatusCode::BAD_REQUEST, form(&viewer(request)?, &texts, &faults)))
            }
        }
    })
}

fn form(viewer: &Viewer, typed: &BTreeMap<String, String>, faults: &[(String, String)]) -> Markup {
    let text = |name: &str| typed.get(name).map_or("", String::as_str);
    let fault = |field: &str| faults.iter().find(|(name, _)| name == field).map(|(_, message)| message.as_str());
    let title = "Change your profile";
    let content = html! {
        (heading(title, &NONE, &NONE))
        form.form method="post" action="/app/account/profile" novalidate data-guard {
            (form_token(viewer))
            (problem_summary(faults))
            section {
                (Field { name: "name", label: "Your name", hint: "Others see it beside what you do.", error: fault("name"), ..Field::default() }
                    .filled("text", "name", text("name")))
                (Field {
                    name: "timezone",
                    label: "Time zone",
                    hint: "Such as America/Denver. Without one, you see times as the workspace does.",
                    error: fault("timezone"),
                    optional: true,
                }.suggested(text("timezone"), &time_zones()))
            }
            div.save {
                button.btn.primary { "Save your profile" }
                a.btn.quiet href=(SECTION) { "Cancel" }
            }
        }
    };
    page(viewer, &head(title, !faults.is_empty()), &content)
}

/// Reads the name of a time zone.
///
/// # Errors
/// A message for the person who typed it.
pub(in crate::pages) fn time_zone(text: &str) -> Result<RecordKey, String> {
    let error = || format!("There is no time zone “{text}”. Choose one of the list, such as America/Denver.");
    people::parse_time_zone(text).ok_or_else(error)
}

/// The names of the time zones that browsers suggest.
pub(in crate::pages) fn time_zones() -> Vec<String> {
    let names = jiff::tz::db().available().map(|name| name.to_string());
    let mut names: Vec<String> = names.filter(|name| name.contains('/') && !name.starts_with("Etc/")).collect();
    names.push("UTC".to_owned());
    names.sort_unstable();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_zone_is_one_that_exists() {
        assert_eq!(time_zone("America/Denver").unwrap().as_str(), "America/Denver");
        assert_eq!(time_zone("UTC").unwrap().as_str(), "UTC");
        for bad in ["Atlantis/Capital", "", "../etc/passwd", "<script>"] {
            assert!(time_zone(bad).is_err(), "{bad}");
        }
        assert!(time_zones().iter().all(|name| time_zone(name).is_ok()));
    }
}
