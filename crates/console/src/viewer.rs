//! The person who looks at a page.

use auth::Role;
use http_api::{pipeline::App, request::SignedInUser};

use crate::{form_token::FormToken, zone::Zone};

/// The cookie with the chosen colors.
const THEME_COOKIE: &str = "novantra-theme";
/// The cookie with the chosen height of rows.
const ROWS_COOKIE: &str = "novantra-rows";
/// The time for which a choice is kept, in seconds: a year.
const CHOICE_LIFETIME: u64 = 365 * 24 * 60 * 60;

/// Returns the header that keeps the chosen colors in the browser; the device's own are the default.
pub(crate) fn theme_cookie(app: &App, name: Option<&str>) -> String {
    choice_cookie(app, THEME_COOKIE, name.and_then(Theme::from_name).and_then(Theme::attribute))
}

/// Returns the header that keeps the chosen height of rows in the browser; comfortable rows are the default.
pub(crate) fn rows_cookie(app: &App, name: Option<&str>) -> String {
    choice_cookie(app, ROWS_COOKIE, name.filter(|name| *name == "compact").map(|_| "compact"))
}

fn choice_cookie(app: &App, name: &str, value: Option<&str>) -> String {
    let suffix = app.services.settings.session_cookie.suffix();
    let (value, lifetime) = value.map_or(("", 0), |value| (value, CHOICE_LIFETIME));
    format!("{name}={value}; Path=/app; Max-Age={lifetime}; HttpOnly; SameSite=Lax{suffix}")
}

/// The reader of a page.
#[derive(Clone, Debug)]
pub(crate) struct Viewer {
    /// The display name of the workspace.
    pub(crate) workspace: String,
    /// The slug of the workspace.
    pub(crate) workspace_slug: String,
    /// The name of the person.
    pub(crate) name: String,
    /// The role of the person, which decides what pages offer. Use cases check it again.
    pub(crate) role: Role,
    /// The time zone in which times are shown.
    pub(crate) zone: Zone,
    /// The colors that the person has chosen.
    pub(crate) theme: Theme,
    /// Whether tables have low rows.
    pub(crate) has_compact_rows: bool,
    /// The token that every form carries, so that no other site can send it.
    pub(crate) form_token: String,
}

impl Viewer {
    /// Returns this person as the viewer of a page, with what they chose in cookies.
    pub(crate) fn of<'r>(user: &SignedInUser, cookie: impl Fn(&str) -> Option<&'r str>) -> Self {
        let SignedInUser { caller, organization, .. } = user;
        let record = &caller.user.record;
        let zone = record.timezone.as_ref().unwrap_or(&organization.record.timezone);
        Self {
            workspace: organization.record.name.to_string(),
            workspace_slug: organization.record.slug.to_string(),
            name: record.name.to_string(),
            role: record.role,
            zone: Zone::named(zone.as_str()),
            theme: cookie(THEME_COOKIE).and_then(Theme::from_name).unwrap_or_default(),
            has_compact_rows: cookie(ROWS_COOKIE) == Some("compact"),
            form_token: FormToken::of(&caller.session).to_string(),
        }
    }
}

/// The colors of the pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Theme {
    /// Those of the device.
    #[default]
    Device,
    /// Dark text on a light ground.
    Light,
    /// Light text on a dark ground.
    Dark,
}

impl Theme {
    /// The value of `data-theme`; `None` leaves the choice to the device.
    pub(crate) const fn attribute(self) -> Option<&'static str> {
        match self {
            Self::Device => None,
            Self::Light => Some("light"),
            Self::Dark => Some("dark"),
        }
    }

    /// Returns the theme with this name, as [`Self::attribute`] has it.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::Light, Self::Dark].into_iter().find(|theme| theme.attribute() == Some(name))
    }
}

/// The initials of a name, of at most two letters.
#[must_use]
pub(crate) fn initials(name: &str) -> String {
    let mut words = name.split_whitespace().filter_map(|word| word.chars().find(|letter| letter.is_alphanumeric()));
    let first = words.next();
    let last = words.next_back();
    first.into_iter().chain(last).flat_map(char::to_uppercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initials_are_those_of_the_first_and_the_last_word() {
        assert_eq!(initials("Dana Whitlock"), "DW");
        assert_eq!(initials("Luis de la Ferreira"), "LF");
        assert_eq!(initials("müller"), "M");
        assert_eq!(initials(" "), "");
    }
}
