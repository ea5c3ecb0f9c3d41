//! The viewer of a page, from the session of the request.

use http_api::{request::ApiRequest, response::Problem};

use crate::viewer::Viewer;

/// Returns who looks at the page.
///
/// # Errors
/// An internal error if nobody has signed in.
pub(crate) fn viewer(request: &ApiRequest) -> Result<Viewer, Problem> {
    Ok(Viewer::of(request.principal()?.user()?, |name| request.cookie(name)))
}
