//! Icons: drawings of 16 × 16 in the color of their text. They are decoration; a word always stands beside them.

use maud::{Markup, html};

/// An icon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Icon {
    Account,
    AlertCircle,
    Assets,
    Assessment,
    AuditLog,
    Book,
    Bookmark,
    Change,
    Check,
    ChevronLeft,
    ChevronRight,
    Close,
    Comment,
    CompactRows,
    ComfortableRows,
    Control,
    Copy,
    Disable,
    Download,
    Evidence,
    Finding,
    Framework,
    Indicator,
    Information,
    Key,
    Lock,
    Menu,
    Monitoring,
    Moon,
    More,
    Overview,
    Party,
    Pencil,
    People,
    Plus,
    Program,
    Replay,
    Risk,
    Search,
    Settings,
    SignOut,
    Submission,
    Upload,
    Vulnerability,
    Webhook,
}

impl Icon {
    const fn path(self) -> &'static str {
        match self {
            Self::Account => {
                "M8 8a2.75 2.75 0 1 0 0-5.5A2.75 2.75 0 0 0 8 8zM2.75 14c0-2.75 2.25-4 5.25-4s5.25 1.25 5.25 4"
            }
            Self::AlertCircle => "M8 14.5a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13zM8 4.75v4M8 11v.01",
            Self::Assets => "M8 1.5 2 4.75v6.5L8 14.5l6-3.25v-6.5zM2 4.75 8 8l6-3.25M8 8v6.5",
            Self::Assessment => "M5.5 2.5H3.5v12h9v-12h-2M5.5 1.5h5v2.5h-5zM5.75 7.5h4.5M5.75 10.5h3",
            Self::AuditLog => {
                "M6.75 9.25a2.75 2.75 0 0 0 3.9 0l2.5-2.5a2.75 2.75 0 0 0-3.9-3.9l-.9.9M9.25 6.75a2.75 2.75 0 0 0-3.9 0l-2.5 2.5a2.75 2.75 0 0 0 3.9 3.9l.9-.9"
            }
            Self::Book => {
                "M2.5 3.5c2-1 4-.75 5.5.5 1.5-1.25 3.5-1.5 5.5-.5v9.5c-2-1-4-.75-5.5.5-1.5-1.25-3.5-1.5-5.5-.5zM8 4v9.5"
            }
            Self::Bookmark => "M4 2.5h8v11.5l-4-3-4 3z",
            Self::Change => {
                "M4 5.5v5M4 5.5a1.75 1.75 0 1 0 0-3.5 1.75 1.75 0 0 0 0 3.5zM4 14a1.75 1.75 0 1 0 0-3.5A1.75 1.75 0 0 0 4 14zM12 9.5A1.75 1.75 0 1 0 12 6a1.75 1.75 0 0 0 0 3.5zM12 9.5c0 2-2.5 2.75-6.25 2.75"
            }
            Self::Check => "M8 14.5a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13zM5.25 8.25l2 2 3.5-4",
            Self::ChevronLeft => "M10 3.5 5.5 8 10 12.5",
            Self::ChevronRight => "M6 3.5 10.5 8 6 12.5",
            Self::Close => "M4 4l8 8M12 4l-8 8",
            Self::Comment => "M2.5 3h11v8H8l-3 2.75V11H2.5z",
            Self::CompactRows => "M2.5 3h11M2.5 5.5h11M2.5 8h11M2.5 10.5h11M2.5 13h11",
            Self::ComfortableRows => "M2.5 4h11M2.5 8h11M2.5 12h11",
            Self::Control => "M8 1.5 2.5 3.5V8c0 3.2 2.3 5.4 5.5 6.5 3.2-1.1 5.5-3.3 5.5-6.5V3.5z",
            Self::Copy => "M6 6h7.5v7.5H6zM10 6V2.5H2.5V10H6",
            Self::Disable => "M8 14.5a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13zM3.5 12.5l9-9",
            Self::Download => "M8 2v8.5M4.5 7.25 8 10.75l3.5-3.5M2.5 13.5h11",
            Self::Evidence => {
                "M9 1.5H4A1.5 1.5 0 0 0 2.5 3v10A1.5 1.5 0 0 0 4 14.5h8a1.5 1.5 0 0 0 1.5-1.5V6zM9 1.5V6h4.5M5.5 10l1.75 1.75L10.5 8.5"
            }
            Self::Finding => "M3.5 14V2.5M3.5 3h8.5l-2 3 2 3H3.5",
            Self::Framework => "M3 2.5h3.5v3H3zM9.5 6.5H13v3H9.5zM9.5 11.5H13v3H9.5zM4.75 5.5v7.5H9.5M4.75 8H9.5",
            Self::Indicator => "M2.4 12.5a6.5 6.5 0 1 1 11.2 0M8 9.5l3-4M8 10.25v.01",
            Self::Information => "M8 14.5a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13zM8 7.5v3.5M8 5v.01",
            Self::Key => {
                "M10 9.5a4 4 0 1 0-3.6-2.25L2 11.5v2.5h2.5v-1.75h1.75V10.5H8l.7-1.2c.4.13.85.2 1.3.2zM11 5.25v.01"
            }
            Self::Lock => "M3.5 7.5h9v6.5h-9zM5.5 7.5V5a2.5 2.5 0 0 1 5 0v2.5",
            Self::Menu => "M2.5 4.5h11M2.5 8h11M2.5 11.5h11",
            Self::Monitoring => "M1.5 8.5h3l2-5.5 3 10 2-4.5h3",
            Self::Moon => "M13 9.5A5.5 5.5 0 0 1 6.5 3a5.5 5.5 0 1 0 6.5 6.5z",
            Self::More => "M3.5 8h.01M8 8h.01M12.5 8h.01",
            Self::Overview => "M2.5 2.5h4.5v5H2.5zM9 2.5h4.5v3H9zM9 8h4.5v5.5H9zM2.5 10h4.5v3.5H2.5z",
            Self::Party => "M2.5 14.5v-12h7v12M9.5 6.5h4v8M1.5 14.5h13M5 5.5h2M5 8.5h2M5 11.5h2",
            Self::Pencil => "M10.5 3 13 5.5 5.5 13H3v-2.5z",
            Self::People => {
                "M6 7.5A2.5 2.5 0 1 0 6 2.5a2.5 2.5 0 0 0 0 5zM1.5 13.5c0-2.5 2-4 4.5-4s4.5 1.5 4.5 4M10.75 2.75a2.5 2.5 0 0 1 0 4.5M12 9.75c1.5.5 2.5 1.75 2.5 3.75"
            }
            Self::Plus => "M8 3v10M3 8h10",
            Self::Program => "M3 6h10v7H3zM8 6V3M8 2.5v.01M6 9v1M10 9v1",
            Self::Replay => "M2.5 8a5.5 5.5 0 1 1 1.75 4M2.5 12.5V8.75h3.75",
            Self::Risk => "M8 2 1.5 13.5h13zM8 6.5v3.25M8 11.75v.01",
            Self::Search => "M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10zM10.75 10.75 14 14",
            Self::Settings => {
                "M8 10a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM8 1.5v2M8 12.5v2M1.5 8h2M12.5 8h2M3.4 3.4l1.4 1.4M11.2 11.2l1.4 1.4M12.6 3.4l-1.4 1.4M4.8 11.2l-1.4 1.4"
            }
            Self::SignOut => "M6.5 2.5H3v11h3.5M10 5l3 3-3 3M13 8H6",
            Self::Submission => "M14.5 1.5 7 9M14.5 1.5 10 14.5 7 9 1.5 6z",
            Self::Upload => "M8 11V2.5M4.5 6 8 2.5 11.5 6M2.5 13.5h11",
            Self::Vulnerability => {
                "M5 6.5h6v3.5a3 3 0 0 1-6 0zM5.75 6.5a2.25 2.25 0 0 1 4.5 0M1.5 8.75H5M11 8.75h3.5M2.5 4.5 5 6.75M13.5 4.5 11 6.75M2.5 13.5 5.25 11M13.5 13.5 10.75 11"
            }
            Self::Webhook => {
                "M5.75 6.25a2.75 2.75 0 1 1 4.5-1.5M8 4.5l2.5 5.25M12 8.75a2.75 2.75 0 1 1-2 4.65M11.5 11.25H6.25M5 8.5a2.75 2.75 0 1 0 1.25 2.75"
            }
        }
    }
}

impl maud::Render for Icon {
    fn render(&self) -> Markup {
        html! { svg.i viewBox="0 0 16 16" aria-hidden="true" { path d=(self.path()) {} } }
    }
}
