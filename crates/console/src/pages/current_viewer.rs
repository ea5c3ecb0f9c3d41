//! The viewer of a page, from the session of the request.

use http_api::{
    request::{ApiRequest, SignedInUser},
    response::Problem,
};

use crate::{
    form_token::FormToken,
    viewer::{Theme, Viewer},
    zone::Zone,
};

/// The cookie with the chosen colors.
pub(crate) const THEME_COOKIE: &str = "novantra-theme";
/// The cookie with the chosen height of rows.
pub(crate) const ROWS_COOKIE: &str = "novantra-rows";

/// Returns who looks at the page.
///
/// # Errors
/// An internal error if nobody has signed in.
pub(crate) fn viewer(request: &ApiRequest) -> Result<Viewer, Problem> {
    Ok(viewer_of(request.principal()?.user()?, |name| request.cookie(name)))
}

/// Returns this person as the viewer of a page, with what they chose in cookies.
pub(crate) fn viewer_of<'r>(user: &SignedInUser, cookie: impl Fn(&str) -> Option<&'r str>) -> Viewer {
    let SignedInUser { caller, organization, .. } = user;
    let record = &caller.user.record;
    let zone = record.timezone.as_ref().unwrap_or(&organization.record.timezone);
    Viewer {
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
