//! QR codes as drawings.

use std::fmt::Write as _;

use maud::{Markup, html};
use qrcodegen::{QrCode, QrCodeEcc};

/// Returns the QR code of a text; nothing if the text is too long for one.
pub(crate) fn qr_code(text: &str) -> Markup {
    let Ok(code) = QrCode::encode_text(text, QrCodeEcc::Medium) else { return html! {} };
    let size = code.size();
    let mut path = String::new();
    for (x, y) in (0..size).flat_map(|y| (0..size).map(move |x| (x, y))) {
        if code.get_module(x, y) {
            let _ = write!(path, "M{x} {y}h1v1h-1z");
        }
    }
    html! {
        svg viewBox={ "0 0 " (size) " " (size) } role="img" aria-label="QR code that holds the same key as the text beside it" shape-rendering="crispEdges" {
            path d=(path) {}
        }
    }
}
