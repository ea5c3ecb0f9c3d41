//! The recovery codes, which are shown once.

use auth::RecoveryCode;
use maud::{Markup, html};

use crate::components::{Tone, note, wide_gate};

/// The page with the codes, at the end of a sign-in.
pub(super) fn page(codes: &[RecoveryCode], next: &str) -> Markup {
    wide_gate("Recovery codes", false, &content(codes, next))
}

/// The codes, and the way on to `next`.
pub(crate) fn content(codes: &[RecoveryCode], next: &str) -> Markup {
    html! {
        div {
            h1 { "Keep these recovery codes" }
            p { "Each of them signs you in once after your password, in place of the app or the passkey. You see them only now." }
        }
        (note(Tone::Warning, "Store them where you would find them without your phone.", "Print them, or keep them in a password manager."))
        ol.codes { @for code in codes { li { code { (code.expose()) } } } }
        div.save { a.btn.primary href=(next) { "I have stored them" } }
    }
}
