//! The recovery codes, which are shown once.

use auth::RecoveryCode;
use maud::{Markup, html};

use crate::components::{Icon, Tone, note, wide_gate};

/// The page with the codes, at the end of a sign-in.
pub(super) fn page(codes: &[RecoveryCode], next: &str) -> Markup {
    let codes: Vec<String> = codes.iter().map(RecoveryCode::expose).collect();
    wide_gate("Recovery codes", false, &content(&codes, next))
}

/// The address of a file with the codes, which is within the page: the server keeps none.
fn file(codes: &[String]) -> String {
    format!("data:text/plain;charset=utf-8,{}%0A", codes.join("%0A"))
}

/// The codes, and the way on to `next`.
pub(crate) fn content(codes: &[String], next: &str) -> Markup {
    html! {
        div {
            h1 { "Keep these recovery codes" }
            p { "Each of them signs you in once after your password, in place of the app or the passkey. You see them only now." }
        }
        (note(Tone::Warning, "Store them where you would find them without your phone.", "Print them, or keep them in a password manager."))
        // The line ends are those of the copied text.
        ol.codes #recovery-codes { @for code in codes { li { code { (code) } "\n" } } }
        div.actions {
            button.btn.js-only type="button" data-copy="recovery-codes" { (Icon::Copy) "Copy the codes" }
            a.btn href=(file(codes)) download="novantra-recovery-codes.txt" { (Icon::Download) "Download them as a file" }
        }
        div.save { a.btn.primary href=(next) { "I have stored them" } }
    }
}
