//! The viewer of a page, from the session of the request.

use axum::http::header;
use http_api::{
    request::{ApiRequest, SignedInUser},
    response::Problem,
};

use crate::{
    form_token::FormToken,
    viewer::{Theme, Viewer},
    zone::Zone,
};

/// Returns who looks at the page.
///
/// # Errors
/// An internal error if nobody has signed in.
pub(crate) fn viewer(request: &ApiRequest) -> Result<Viewer, Problem> {
    let SignedInUser { caller, organization, .. } = request.principal()?.user()?;
    let user = &caller.user.record;
    let zone = user.timezone.as_ref().unwrap_or(&organization.record.timezone);
    Ok(Viewer {
        workspace: organization.record.name.to_string(),
        workspace_slug: organization.record.slug.to_string(),
        name: user.name.to_string(),
        role: user.role,
        zone: Zone::named(zone.as_str()),
        theme: match cookie(request, "novantra-theme") {
            Some("light") => Theme::Light,
            Some("dark") => Theme::Dark,
            _ => Theme::Device,
        },
        has_compact_rows: cookie(request, "novantra-rows") == Some("compact"),
        form_token: FormToken::of(&caller.session).to_string(),
    })
}

/// The value of a cookie that holds a choice of the reader.
fn cookie<'r>(request: &'r ApiRequest, name: &str) -> Option<&'r str> {
    let lines = request.parts.headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(cookie, _)| *cookie == name).map(|(_, value)| value)
}
