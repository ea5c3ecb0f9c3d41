//! Fields of forms: label, hint, error and control, in this order.

use maud::{Markup, html};

use super::Icon;
use crate::zone::Zone;

/// One field of a form, without its control.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Field<'f> {
    /// The name under which the value is sent, which is the identifier of the control, too.
    pub(crate) name: &'f str,
    /// The label.
    pub(crate) label: &'f str,
    /// The explanation that the reader needs before typing.
    pub(crate) hint: &'f str,
    /// The fault of the value.
    pub(crate) error: Option<&'f str>,
    /// Whether the field may be left empty.
    pub(crate) optional: bool,
}

impl Field<'_> {
    fn described_by(&self) -> Option<String> {
        let hint = (!self.hint.is_empty()).then(|| format!("{}-h", self.name));
        let error = self.error.is_some().then(|| format!("{}-e", self.name));
        let ids: Vec<String> = hint.into_iter().chain(error).collect();
        (!ids.is_empty()).then(|| ids.join(" "))
    }

    fn invalid(&self) -> Option<&'static str> {
        self.error.map(|_| "true")
    }

    fn around(&self, control: &Markup) -> Markup {
        html! {
            div.f.err[self.error.is_some()] {
                label for=(self.name) { (self.label) @if self.optional { " " span.opt { "(optional)" } } }
                @if !self.hint.is_empty() { span.hint id={ (self.name) "-h" } { (with_code(self.hint)) } }
                @if let Some(error) = self.error {
                    span.msg id={ (self.name) "-e" } { (Icon::AlertCircle) span { span.vh { "Error: " } (error) } }
                }
                (control)
            }
        }
    }

    /// A date and a time of this zone, which the label names.
    pub(crate) fn time(&self, zone: &Zone, value: &str) -> Markup {
        let label = format!("{} ({})", self.label, zone.name());
        Field { label: &label, ..*self }.input("datetime-local", "short", value)
    }

    /// A line of text of this type of input.
    pub(crate) fn input(&self, kind: &str, class: &str, value: &str) -> Markup {
        self.around(&html! {
            input class={ "in " (class) } id=(self.name) name=(self.name) type=(kind) value=(value)
                aria-describedby=[self.described_by()] aria-invalid=[self.invalid()] required[!self.optional]
                autocomplete="off";
        })
    }

    /// A line of text that browsers and password managers fill in, by the purpose that `autocomplete` names.
    pub(crate) fn filled(&self, kind: &str, autocomplete: &str, value: &str) -> Markup {
        let is_code = autocomplete == "one-time-code";
        self.around(&html! {
            input.in.otp[is_code] id=(self.name) name=(self.name) type=(kind) value=(value) autocomplete=(autocomplete)
                inputmode=[is_code.then_some("numeric")] spellcheck="false"
                aria-describedby=[self.described_by()] aria-invalid=[self.invalid()] required[!self.optional];
        })
    }

    /// A line of text that names something, of which `found` is what it names now. `list` are the suggestions of the page.
    pub(crate) fn naming(&self, list: Option<&str>, value: &str, found: &Markup) -> Markup {
        self.around(&html! {
            input.in.m id=(self.name) name=(self.name) type="text" value=(value) list=[list]
                aria-describedby=[self.described_by()] aria-invalid=[self.invalid()] required[!self.optional]
                autocomplete="off" spellcheck="false";
            @if !found.0.is_empty() { span.found { (found) } }
        })
    }

    /// A line of text for which the browser suggests these values while it is typed.
    pub(crate) fn suggested(&self, value: &str, suggestions: &[String]) -> Markup {
        let list = format!("{}-l", self.name);
        self.around(&html! {
            input.in id=(self.name) name=(self.name) type="text" value=(value) list=(list) autocomplete="off" spellcheck="false"
                aria-describedby=[self.described_by()] aria-invalid=[self.invalid()] required[!self.optional];
            datalist id=(list) { @for suggestion in suggestions { option value=(suggestion) {} } }
        })
    }

    /// A file of one of these kinds.
    pub(crate) fn file(&self, accept: &str) -> Markup {
        self.around(&html! {
            input.in id=(self.name) name=(self.name) type="file" accept=(accept)
                aria-describedby=[self.described_by()] aria-invalid=[self.invalid()] required[!self.optional];
        })
    }

    /// Files of any kind.
    pub(crate) fn files(&self) -> Markup {
        self.around(&html! {
            input.in id=(self.name) name=(self.name) type="file" multiple
                aria-describedby=[self.described_by()] aria-invalid=[self.invalid()] required[!self.optional];
        })
    }

    /// Several lines of text.
    pub(crate) fn area(&self, rows: u8, value: &str) -> Markup {
        self.around(&html! {
            // A browser drops the first line end of an area.
            textarea.in id=(self.name) name=(self.name) rows=(rows)
                aria-describedby=[self.described_by()] aria-invalid=[self.invalid()] required[!self.optional] { "\n" (value) }
        })
    }

    /// A choice of one of these values, each with its word.
    pub(crate) fn select(&self, options: &[(&str, String)], selected: &str) -> Markup {
        self.select_or("None", options, selected)
    }

    /// A choice of one of these values, each with its word; `nothing` is the word for none of them.
    pub(crate) fn select_or(&self, nothing: &str, options: &[(&str, String)], selected: &str) -> Markup {
        self.around(&html! {
            select.in.short id=(self.name) name=(self.name) aria-describedby=[self.described_by()] aria-invalid=[self.invalid()] {
                @if self.optional { option value="" selected[selected.is_empty()] { (nothing) } }
                @for (value, word) in options { option value=(value) selected[*value == selected] { (word) } }
            }
        })
    }
}

/// A text in which the parts between backticks are code.
fn with_code(text: &str) -> Markup {
    html! { @for (index, part) in text.split('`').enumerate() { @if index % 2 == 1 { code { (part) } } @else { (part) } } }
}

/// The e-mail address of who sets or enters a password, which nobody sees: password managers file the password under it.
pub(crate) fn user_name(email: &str) -> Markup {
    html! {
        input.vh type="text" name="username" autocomplete="username" value=(email) readonly tabindex="-1" aria-hidden="true";
    }
}

/// The field for the reason, the last one of every change.
pub(crate) fn reason(value: &str, error: Option<&str>) -> Markup {
    let hint =
        "Why this change is made. It is kept in the audit log and cannot be edited later. 10 to 1,000 characters.";
    Field { name: "reason", label: "Reason", hint, error, optional: false }.input("text", "", value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_hint_between_backticks_are_code() {
        let hint = with_code("Such as `standard` or <b>.").into_string();
        assert_eq!(hint, "Such as <code>standard</code> or &lt;b&gt;.");
    }
}
