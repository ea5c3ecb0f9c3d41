//! Forms that a passkey answers. The script asks the browser for the answer and sends it.

use maud::{Markup, html};
use people::CeremonyOptions;

/// The ceremony of a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ceremony {
    /// A passkey is made.
    Create,
    /// A passkey answers.
    Get,
    /// A passkey answers, which the browser offers in the field for the e-mail address, too.
    GetOrFill,
}

impl Ceremony {
    const fn method(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Get | Self::GetOrFill => "get",
        }
    }
}

/// The name of the field with the answer of the browser.
pub(crate) const ANSWER: &str = "answer";

/// The form that is sent to `action` with the answer of a passkey and with these fields. Without the script, or in a browser
/// without passkeys, a sentence stands in its place.
pub(crate) fn passkey_form(
    ceremony: Ceremony,
    action: &str,
    options: &CeremonyOptions,
    fields: &Markup,
    button: &Markup,
) -> Markup {
    html! {
        form.form method="post" action=(action) data-passkey=(ceremony.method()) data-options=(options)
            data-fill[ceremony == Ceremony::GetOrFill] novalidate hidden {
            (fields)
            input type="hidden" name=(ANSWER);
            (button)
            p.small role="status" data-passkey-problem {}
        }
        p.small.soft data-no-passkey { "Passkeys need a browser that supports them, with scripts allowed." }
    }
}
