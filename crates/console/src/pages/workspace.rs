//! The settings of the workspace: its name, language and time zone.

use std::{collections::BTreeMap, convert::Infallible};

use axum::http::StatusCode;
use futures_util::future::BoxFuture;
use http_api::{
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use kernel::{Action, Change, Kind, Organization, RecordKey, Revision, Stored, Subject, TitleRule};
use maud::{Markup, html};

use super::{
    account::{time_zone, time_zones},
    commit::{Written, commit},
    form_texts::FormTexts,
    viewer,
};
use crate::{
    components::{Field, Head, NONE, Tone, copyable, flash, form_token, heading, note, page, problem_summary, reason},
    response::{page_response, redirect},
    text_fault::parse_text,
    viewer::Viewer,
};

const SECTION: &str = "/app/workspace";

/// The content of the form beside the stored settings.
#[derive(Default)]
struct View<'v> {
    typed: BTreeMap<String, String>,
    faults: &'v [(String, String)],
    is_conflict: bool,
    is_saved: bool,
}

/// Handles the request for the form.
pub(super) fn open<'a>(_: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let organization = &request.principal()?.user()?.organization;
        let view = View { is_saved: request.query() == "done=saved", ..View::default() };
        Ok(page_response(StatusCode::OK, form(&viewer(request)?, organization, &view)))
    })
}

/// Handles the form.
pub(super) fn submit<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let texts = FormTexts::read(request)?;
        let opened: Revision = texts.revision()?;
        let current = &request.principal()?.user()?.organization;
        let viewer = viewer(request)?;
        let reason = texts.reason().map_err(|message| ("reason".to_owned(), format!("The reason {message}")));
        let record = read(&texts.0, &current.record);
        let (record, reason) = match (record, reason) {
            (Ok(record), Ok(reason)) => (record, reason),
            (record, reason) => {
                let faults: Vec<_> = record.err().unwrap_or_default().into_iter().chain(reason.err()).collect();
                let view = View { typed: texts.0, faults: &faults, ..View::default() };
                return Ok(page_response(StatusCode::BAD_REQUEST, form(&viewer, current, &view)));
            }
        };
        let conflict = View { typed: texts.0, is_conflict: true, ..View::default() };
        if opened != current.meta.revision {
            return Ok(page_response(StatusCode::CONFLICT, form(&viewer, current, &conflict)));
        }
        if record == current.record {
            return Ok(redirect(SECTION));
        }
        let updated = commit::<_, Infallible>(app, request, Some(&reason), |context, timestamp| {
            let timestamp = timestamp.after([current]);
            let changed = current.changed(timestamp.at(), record.clone());
            let subject = Subject::from_id(changed.meta.id);
            let mut changeset =
                context.begin(timestamp, Action::on_record(Kind::Organization, "updated"), Some(subject));
            changeset.update(current, &changed);
            changeset.set_changes(Change::between(Some(&current.record), &changed.record));
            Ok((changeset, ()))
        });
        match updated.await? {
            Written::Done(()) => Ok(redirect(&format!("{SECTION}?done=saved")).recorded()),
            Written::Refused(never) => match never {},
            Written::Conflict(_) => Ok(page_response(StatusCode::CONFLICT, form(&viewer, current, &conflict))),
        }
    })
}

/// Reads the settings, or returns all that is wrong with them.
fn read(texts: &BTreeMap<String, String>, current: &Organization) -> Result<Organization, Vec<(String, String)>> {
    let text = |name: &str| texts.get(name).map_or("", |text| text.trim());
    match (parse_text::<TitleRule>(text("name")), locale(text("locale")), time_zone(text("timezone"))) {
        (Ok(name), Ok(locale), Ok(timezone)) => Ok(Organization { name, locale, timezone, slug: current.slug.clone() }),
        (name, locale, timezone) => {
            let faults = [
                name.err().map(|error| ("name".to_owned(), format!("The name {error}."))),
                locale.err().map(|message| ("locale".to_owned(), message)),
                timezone.err().map(|message| ("timezone".to_owned(), message)),
            ];
            Err(faults.into_iter().flatten().collect())
        }
    }
}

/// Reads a language tag by the syntax of BCP 47: a language, then subtags.
fn locale(text: &str) -> Result<RecordKey, String> {
    let error = || format!("“{text}” is not a language tag such as en-US.");
    let mut subtags = text.split('-');
    let language = subtags.next().unwrap_or_default();
    let is_locale = (2..=8).contains(&language.len())
        && language.bytes().all(|byte| byte.is_ascii_alphabetic())
        && subtags.all(|tag| (1..=8).contains(&tag.len()) && tag.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    if is_locale { RecordKey::parse(text).map_err(|_| error()) } else { Err(error()) }
}

fn form(viewer: &Viewer, current: &Stored<Organization>, view: &View<'_>) -> Markup {
    let record = &current.record;
    let text = |name: &str, stored: &str| view.typed.get(name).map_or_else(|| stored.to_owned(), Clone::clone);
    let fault = |field: &str| view.faults.iter().find(|(name, _)| name == field).map(|(_, message)| message.as_str());
    let below = html! { div.meta { span { "Short name " (copyable("slug", record.slug.as_str(), "short name")) } span { "Id " (copyable("workspace-id", &current.meta.id.to_string(), "id")) } } };
    let content = html! {
        @if view.is_saved { (flash("The settings were saved.")) }
        (heading("Workspace", &below, &NONE))
        @if view.is_conflict {
            (note(Tone::Warning, "Somebody changed these settings while you were editing.", "What you typed is kept below. Compare it with what is stored now, then save again or leave."))
            dl.dl { dt { "Name" } dd { (record.name) } dt { "Language" } dd { (record.locale) } dt { "Time zone" } dd { (record.timezone) } }
        }
        form.form method="post" action=(SECTION) novalidate data-guard {
            (form_token(viewer))
            input type="hidden" name="revision" value=(current.meta.revision.0);
            (problem_summary(view.faults))
            section {
                (Field { name: "name", label: "Name", hint: "Shown at the top of every page and in window titles.", error: fault("name"), ..Field::default() }
                    .input("text", "", &text("name", record.name.as_str())))
                div.pair {
                    (Field { name: "locale", label: "Language", hint: "A language tag such as en-US.", error: fault("locale"), ..Field::default() }
                        .input("text", "", &text("locale", record.locale.as_str())))
                    (Field { name: "timezone", label: "Time zone", hint: "Used for everyone who has not chosen their own.", error: fault("timezone"), ..Field::default() }
                        .suggested(&text("timezone", record.timezone.as_str()), &time_zones()))
                }
            }
            section { (reason(&text("reason", ""), fault("reason"))) }
            div.save { button.btn.primary { "Save the settings" } a.btn.quiet href="/app" { "Cancel" } }
        }
    };
    let head = Head {
        title: "Workspace",
        section: SECTION,
        has_problem: !view.faults.is_empty() || view.is_conflict,
        is_narrow: true,
        ..Head::default()
    };
    page(viewer, &head, &content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locale_is_a_language_with_subtags() {
        for good in ["en", "en-US", "zh-Hant-TW"] {
            assert!(locale(good).is_ok(), "{good}");
        }
        for bad in ["", "e", "en_US", "-US", "en-", "<b>"] {
            assert!(locale(bad).is_err(), "{bad}");
        }
    }
}
