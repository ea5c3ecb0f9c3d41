//! The page that an invitation, a reset or the link for the first administrator leads to.

use auth::{LinkPurpose, Role};
use axum::http::StatusCode;
use futures_util::future::BoxFuture;
use http_api::{
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use maud::{Markup, html};
use people::{EnrollmentForm, LinkDetails, LinkForm, OpenIdSettings, PeopleError, SecondFactorOffer};
use secrecy::SecretString;

use super::{
    enrollment, openid,
    passkey::relying_party,
    recovery_codes,
    session::{client, page_after, problem_of, with_session},
    unusable_link::{self, working_link},
};
use crate::{
    components::{Field, problem_summary, user_name, wide_gate},
    pages::form_texts::public_form,
    response::{page_response, redirect},
    words::sentence,
};

/// Handles the request for the form.
pub(crate) fn open<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let Some((_, details)) = working_link(app, request).await? else { return Ok(unusable_link::response()) };
        if let Some(openid) = provider_instead(app, &details).await? {
            return Ok(openid::instead_of_link(&openid.label));
        }
        let offer =
            requires_second_factor(&details).then(|| app.services.people.offer_second_factor_by_link(&details.link));
        Ok(page_response(StatusCode::OK, page(app, request, &details, offer.as_ref(), ["", ""], &[])))
    })
}

/// Handles the form.
pub(crate) fn submit<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let texts = public_form(request)?;
        let text = |name: &str| texts.get(name).map_or("", String::as_str);
        let people = &app.services.people;
        let Some((token, details)) = working_link(app, request).await? else { return Ok(unusable_link::response()) };
        let password = SecretString::from(text("password").to_owned());
        let enrollment = EnrollmentForm { sealed: text("offer"), code: text("code") };
        let second_factor = Some(enrollment)
            .filter(|_| text("factor") != "passkey")
            .filter(|form| requires_second_factor(&details) || !form.code.is_empty());
        let form = LinkForm { name: text("name"), email: text("email"), password: &password, second_factor };
        match people.use_link(&token, form, &client(request)).await {
            Ok(enrolled) => {
                let response = if enrolled.recovery_codes.is_empty() {
                    redirect(&page_after(enrolled.begun.session.session.level, "/app"))
                } else {
                    page_response(StatusCode::OK, recovery_codes::page(&enrolled.recovery_codes, "/app"))
                };
                Ok(with_session(app, response, &enrolled.begun).recorded())
            }
            Err(error) => {
                let faults = match error {
                    PeopleError::Invalid(faults) => {
                        faults.into_iter().map(|fault| (fault.field.to_owned(), fault.message.into_owned())).collect()
                    }
                    PeopleError::EmailTaken => vec![("email".to_owned(), error.to_string())],
                    // It was used while the form was on its way.
                    PeopleError::LinkInvalid => return Ok(unusable_link::response()),
                    error => return Err(problem_of(error)),
                };
                // The app has the key of this offer already.
                let offer = requires_second_factor(&details)
                    .then(|| people.offer_second_factor_by_link_again(&details.link, text("offer")));
                let page = page(app, request, &details, offer.as_ref(), [text("name"), text("email")], &faults);
                Ok(page_response(StatusCode::BAD_REQUEST, page))
            }
        }
    })
}

/// The provider by which people of the workspace sign in, if they have no passwords.
async fn provider_instead<'a>(app: &'a App, details: &LinkDetails) -> Result<Option<&'a OpenIdSettings>, Problem> {
    let people = &app.services.people;
    let is_off = people.refuses_passwords(&details.organization).await.map_err(problem_of)?;
    Ok(people.openid().filter(|_| is_off))
}

fn requires_second_factor(details: &LinkDetails) -> bool {
    let role = details.user.as_ref().map_or(Role::Admin, |user| user.record.role);
    role.requires_second_factor() && !details.has_second_factor
}

fn page(
    app: &App,
    request: &ApiRequest,
    details: &LinkDetails,
    offer: Option<&SecondFactorOffer>,
    [name, email]: [&str; 2],
    faults: &[(String, String)],
) -> Markup {
    let fault = |field: &str| faults.iter().find(|(name, _)| name == field).map(|(_, message)| message.as_str());
    let problems: Vec<(String, String)> =
        faults.iter().map(|(field, message)| (field.clone(), format!("{} {message}", sentence(field)))).collect();
    let title = match details.link.purpose {
        LinkPurpose::FirstAdministrator => "Make the first administrator",
        LinkPurpose::Invitation => "Accept the invitation",
        LinkPurpose::PasswordReset => "Choose a new password",
    };
    let email_of_user = details.user.as_ref().map(|user| user.record.email.as_str());
    let content = html! {
        (problem_summary(&problems))
        div {
            h1 { (title) }
            p { "Workspace " (details.organization.slug) ". This link works once." }
        }
        form.form method="post" action={ "/app/setup/" (request.path_text()) } novalidate {
            section {
                @if let Some(email_of_user) = email_of_user { p { "You are " b { (email_of_user) } "." } (user_name(email_of_user)) }
                @else {
                    div.pair {
                        (Field { name: "name", label: "Your name", error: fault("name"), ..Field::default() }.filled("text", "name", name))
                        (Field { name: "email", label: "E-mail", error: fault("email"), ..Field::default() }.filled("email", "username", email))
                    }
                }
                (Field {
                    name: "password",
                    label: "Password",
                    hint: "At least 12 characters. A long phrase is better than a short, complicated one. Common passwords are refused.",
                    error: fault("password"),
                    ..Field::default()
                }.filled("password", "new-password", ""))
            }
            @if let Some(offer) = offer { (enrollment::fields(email_of_user.unwrap_or("administrator"), offer, fault("code"))) }
            div.save {
                button.btn.primary { @if offer.is_some() { "Continue to the recovery codes" } @else { "Save the password and sign in" } }
                @if offer.is_some() && relying_party(app, request).is_some() {
                    button.btn name="factor" value="passkey" { "Use a passkey instead" }
                }
            }
        }
    };
    wide_gate(title, !problems.is_empty(), &content)
}
