//! The end of a session.

use futures_util::future::BoxFuture;
use http_api::{
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};

use super::session::{client, problem_of, without_session};
use crate::{pages::form_texts::FormTexts, response::redirect};

/// Handles the form.
pub(crate) fn submit<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        FormTexts::read(request)?;
        let caller = &request.principal()?.user()?.caller;
        app.services.people.sign_out(caller, &client(request)).await.map_err(problem_of)?;
        Ok(without_session(app, redirect("/app/sign-in")).recorded())
    })
}
