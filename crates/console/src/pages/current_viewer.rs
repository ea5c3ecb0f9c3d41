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
        theme: match request.cookie("novantra-theme") {
            Some("light") => Theme::Light,
            Some("dark") => Theme::Dark,
            _ => Theme::Device,
        },
        has_compact_rows: request.cookie("novantra-rows") == Some("compact"),
        form_token: FormToken::of(&caller.session).to_string(),
    })
}
