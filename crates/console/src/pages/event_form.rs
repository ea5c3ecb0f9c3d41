//! The form in which an event about a record is recorded, and how its fields are read.

use std::time::Duration;

use http_api::{
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use kernel::{Description, DescriptionRule, Reason, Reference, ReferenceRule, Revision, Timestamp};
use maud::{Markup, html};

use super::{
    attempt::{Attempt, Decision},
    form_texts::FormTexts,
    viewer,
};
use crate::{
    components::{Choice, Field, Head, NONE, choices_across, form_token, heading, page, reason},
    registers::TypedFaults,
    response::page_response,
    text_fault::parse_text,
    viewer::Viewer,
    zone::Zone,
};

/// The name of the field with the time of an event.
pub(crate) const OCCURRED_AT: &str = "occurredAt";

/// The time by which the clock of a person may be ahead.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(5 * 60);

/// A form for an event.
pub(crate) struct EventForm<'f> {
    /// The title and the address of the list that the record is in.
    pub(crate) list: (&'f str, &'f str),
    /// The address of the section in the rail.
    pub(crate) section: &'f str,
    /// The title of the record.
    pub(crate) title: &'f str,
    /// The address of the record.
    pub(crate) address: &'f str,
    /// The revision of the record.
    pub(crate) revision: Revision,
    /// The name of the field with the kind of the event.
    pub(crate) kind_field: &'f str,
    /// The kinds that the record allows now.
    pub(crate) kinds: &'f [Choice<'f>],
    /// The chosen kind.
    pub(crate) kind: &'f str,
    /// The fields after the kind.
    pub(crate) fields: &'f Markup,
}

impl EventForm<'_> {
    /// Responds with the page.
    ///
    /// # Errors
    /// The error response if nobody has signed in.
    pub(crate) fn respond(&self, request: &ApiRequest, attempt: &Attempt<'_>) -> Result<ApiResponse, Problem> {
        Ok(page_response(attempt.status(), self.page(&viewer(request)?, attempt)))
    }

    fn page(&self, viewer: &Viewer, attempt: &Attempt<'_>) -> Markup {
        let content = html! {
            (heading("Record an event", &html! { p dir="auto" { (self.title) } }, &NONE))
            (attempt.notice_on(&Decision { name: self.kind_field, options: self.kinds, absent: &[] }))
            form.form method="post" action={ (self.address) "/events" } novalidate data-guard {
                (form_token(viewer))
                input type="hidden" name="revision" value=(self.revision.0);
                section {
                    (choices_across(self.kind_field, "What happened", attempt.fault(self.kind_field), self.kinds, self.kind))
                    (self.fields)
                }
                section { (reason(attempt.typed("reason"), attempt.fault("reason"))) }
                div.save {
                    button.btn.primary { "Record the event" }
                    a.btn.quiet href=(self.address) { "Cancel" }
                }
            }
        };
        let head = Head {
            title: "Record an event",
            section: self.section,
            above: &[self.list, (self.title, self.address)],
            has_problem: attempt.has_problem(),
            ..Head::default()
        };
        page(viewer, &head, &content)
    }
}

/// The field with the time of an event.
pub(crate) fn occurred_at(zone: &Zone, hint: &str, optional: bool, value: &str, error: Option<&str>) -> Markup {
    Field { name: OCCURRED_AT, label: "Time of the event", hint, error, optional }.time(zone, value)
}

/// Reads the fields of a form, and gathers what is wrong with them.
pub(crate) struct EventReader<'t> {
    texts: &'t FormTexts,
    zone: &'t Zone,
    now: Timestamp,
    faults: TypedFaults,
}

impl<'t> EventReader<'t> {
    /// Begins to read a form whose times are those of clocks in this zone.
    pub(crate) fn new(texts: &'t FormTexts, zone: &'t Zone, now: Timestamp) -> Self {
        Self { texts, zone, now, faults: TypedFaults::default() }
    }

    /// The text of a field, unless it is empty.
    pub(crate) fn text(&self, name: &str) -> Option<&'t str> {
        self.texts.0.get(name).map(|text| text.trim()).filter(|text| !text.is_empty())
    }

    /// Adds what is wrong with a field.
    pub(crate) fn fault(&mut self, name: &str, message: impl Into<String>) {
        self.faults.0.insert(name.to_owned(), message.into());
    }

    /// The kind of the event, which has a field with this name.
    pub(crate) fn kind<K: Copy>(&mut self, field: &str, all: &[K], name: fn(K) -> &'static str) -> Option<K> {
        let kind = all.iter().copied().find(|kind| self.text(field) == Some(name(*kind)));
        if kind.is_none() {
            self.fault(field, "is missing: choose one");
        }
        kind
    }

    /// The time of the event, if one is given.
    pub(crate) fn occurred_at(&mut self) -> Option<Timestamp> {
        let parse = |time| match self.zone.parse_input(time) {
            Ok(at) if at > self.now + CLOCK_TOLERANCE => {
                Err("is in the future: give the time at which it happened".to_owned())
            }
            parsed => parsed,
        };
        let parsed = self.text(OCCURRED_AT).map(parse);
        self.valid(OCCURRED_AT, parsed)
    }

    /// The note, if there is one.
    pub(crate) fn note(&mut self) -> Option<Description> {
        let parsed = self.text("note").map(parse_text::<DescriptionRule>);
        self.valid("note", parsed)
    }

    /// The reference in the field with this name, if there is one.
    pub(crate) fn reference(&mut self, name: &str) -> Option<Reference> {
        let parsed = self.text(name).map(parse_text::<ReferenceRule>);
        self.valid(name, parsed)
    }

    fn valid<T>(&mut self, name: &str, parsed: Option<Result<T, String>>) -> Option<T> {
        parsed?.map_err(|message| self.fault(name, message)).ok()
    }

    /// Returns the event and the reason if all fields are valid.
    ///
    /// # Errors
    /// What is wrong with the fields.
    pub(crate) fn finish<E>(mut self, event: Option<E>) -> Result<(E, Reason), TypedFaults> {
        let reason = self.texts.reason();
        if let Err(message) = &reason {
            self.fault("reason", message.clone());
        }
        match (event, reason) {
            (Some(event), Ok(reason)) if self.faults.0.is_empty() => Ok((event, reason)),
            _ => Err(self.faults),
        }
    }
}
