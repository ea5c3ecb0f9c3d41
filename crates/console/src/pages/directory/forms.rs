//! The changes that administrators make of a person.

use std::collections::BTreeMap;

use auth::{Role, SessionId, StoredUser, User};
use futures_util::future::BoxFuture;
use maud::{Markup, html};
use people::{PeopleError, UserSecurity};

use super::{
    person_form::{Change, Outcome, PersonForm},
    role::{role_choices, role_name},
};
use crate::{
    components::{Choice, choices},
    viewer::Viewer,
};

type Carried<'a> = BoxFuture<'a, Result<Outcome, PeopleError>>;

/// Another role.
pub(super) struct SetRole;

impl PersonForm for SetRole {
    const PATH: &'static str = "role";
    const BUTTON: &'static str = "Change the role";
    const IS_FOR_OTHERS: bool = true;

    fn title(user: &User) -> String {
        format!("Change the role of {}", user.name)
    }

    fn explanation(user: &User) -> String {
        format!("Their role is {}. A new role signs them out everywhere.", role_name(user.role))
    }

    fn fields(
        _: &Viewer,
        user: &StoredUser,
        _: &UserSecurity,
        typed: &BTreeMap<String, String>,
        fault: Option<&str>,
    ) -> Markup {
        let chosen = typed.get("role").map_or(Some(user.record.role), |role| Role::from_name(role));
        role_choices(chosen, fault)
    }

    fn carry_out<'a>(change: Change<'a>) -> Carried<'a> {
        Box::pin(async move {
            let Some(role) = change.texts.get("role").and_then(|role| Role::from_name(role)) else {
                return Ok(Outcome::Fault("role", "Choose a role.".to_owned()));
            };
            let Change { people, author, organization, user, .. } = change;
            people.set_role(author, organization, user.meta.id, role).await?;
            Ok(Outcome::Done("role"))
        })
    }
}

/// The end of the access of a person.
pub(super) struct Disable;

impl PersonForm for Disable {
    const PATH: &'static str = "disable";
    const BUTTON: &'static str = "Disable this person";
    const IS_FOR_OTHERS: bool = true;
    const IS_DANGEROUS: bool = true;

    fn title(user: &User) -> String {
        format!("Disable {}", user.name)
    }

    fn explanation(_: &User) -> String {
        "They are signed out on every device at once, and can't sign in any more. What they did stays. You can enable them again.".to_owned()
    }

    fn carry_out<'a>(change: Change<'a>) -> Carried<'a> {
        Box::pin(async move {
            let Change { people, author, organization, user, .. } = change;
            people.disable_user(author, organization, user.meta.id).await?;
            Ok(Outcome::Done("disabled"))
        })
    }
}

/// The return of a person.
pub(super) struct Enable;

impl PersonForm for Enable {
    const PATH: &'static str = "enable";
    const BUTTON: &'static str = "Enable this person";
    const IS_FOR_OTHERS: bool = true;

    fn title(user: &User) -> String {
        format!("Enable {}", user.name)
    }

    fn explanation(user: &User) -> String {
        format!(
            "They may sign in again, with the role {} and the password and second factor that they had.",
            role_name(user.role)
        )
    }

    fn carry_out<'a>(change: Change<'a>) -> Carried<'a> {
        Box::pin(async move {
            let Change { people, author, organization, user, .. } = change;
            people.enable_user(author, organization, user.meta.id).await?;
            Ok(Outcome::Done("enabled"))
        })
    }
}

/// A new invitation.
pub(super) struct InviteAgain;

impl PersonForm for InviteAgain {
    const PATH: &'static str = "invitation";
    const BUTTON: &'static str = "Make and show the link";

    fn title(user: &User) -> String {
        format!("Invite {} again", user.name)
    }

    fn explanation(_: &User) -> String {
        "You get a new link for them. The earlier one stops working.".to_owned()
    }

    fn carry_out<'a>(change: Change<'a>) -> Carried<'a> {
        Box::pin(async move {
            let Change { people, author, organization, user, .. } = change;
            let (_, issued) = people.invite_again(author, organization, user.meta.id).await?;
            Ok(Outcome::Link(Box::new(issued)))
        })
    }
}

/// A link with which a person chooses another password.
pub(super) struct Reset;

impl PersonForm for Reset {
    const PATH: &'static str = "reset";
    const BUTTON: &'static str = "Make and show the link";

    fn title(user: &User) -> String {
        format!("Let {} choose a new password", user.name)
    }

    fn explanation(_: &User) -> String {
        "You get a link for them, which works once, within an hour. Confirm first that the request comes from them."
            .to_owned()
    }

    fn fields(
        _: &Viewer,
        _: &StoredUser,
        security: &UserSecurity,
        typed: &BTreeMap<String, String>,
        _: Option<&str>,
    ) -> Markup {
        html! {
            @if security.has_second_factor() {
                div.check {
                    input type="checkbox" id="lost" name="lost" value="yes" checked[typed.contains_key("lost")];
                    label for="lost" {
                        "They have lost their second factors, too"
                        span.hint { "The authenticator app, all passkeys and the recovery codes are removed, and they are signed out everywhere." }
                    }
                }
            }
        }
    }

    fn carry_out<'a>(change: Change<'a>) -> Carried<'a> {
        Box::pin(async move {
            let lost = change.texts.contains_key("lost");
            let Change { people, author, organization, user, .. } = change;
            let (_, issued) = people.issue_reset(author, organization, user.meta.id, lost).await?;
            Ok(Outcome::Link(Box::new(issued)))
        })
    }
}

/// The end of one session, or of all.
pub(super) struct EndSessions;

/// The value that stands for all sessions.
const ALL: &str = "all";

impl PersonForm for EndSessions {
    const PATH: &'static str = "sessions";
    const BUTTON: &'static str = "End the sessions";
    const IS_DANGEROUS: bool = true;

    fn title(user: &User) -> String {
        format!("End sessions of {}", user.name)
    }

    fn explanation(_: &User) -> String {
        "They are signed out there at once, and may sign in again.".to_owned()
    }

    fn fields(
        viewer: &Viewer,
        _: &StoredUser,
        security: &UserSecurity,
        typed: &BTreeMap<String, String>,
        fault: Option<&str>,
    ) -> Markup {
        let sessions: Vec<(String, String, String)> = security
            .sessions
            .iter()
            .map(|session| {
                let address = session.source_address.as_deref().unwrap_or("an unknown address");
                let agent = session.user_agent.as_deref().unwrap_or("an unknown browser");
                let used = viewer.zone.minute_text(session.last_used_at);
                (session.id.to_string(), format!("From {address}, last used {used}"), agent.to_owned())
            })
            .collect();
        let all = Choice::new(ALL, "All of them", "On every device.".to_owned());
        let options: Vec<Choice<'_>> = std::iter::once(all)
            .chain(sessions.iter().map(|(id, title, text)| Choice::new(id, title.as_str(), text.as_str())))
            .collect();
        choices("session", "Sessions", fault, &options, Some(typed.get("session").map_or(ALL, String::as_str)))
    }

    fn carry_out<'a>(change: Change<'a>) -> Carried<'a> {
        Box::pin(async move {
            let Change { people, author, organization, user, texts } = change;
            let chosen = texts.get("session").map_or("", String::as_str);
            if chosen == ALL {
                people.revoke_sessions(author, organization, user.meta.id).await?;
                return Ok(Outcome::Done("sessions"));
            }
            let Ok(session) = chosen.parse::<SessionId>() else {
                return Ok(Outcome::Fault("session", "Choose a session.".to_owned()));
            };
            match people.revoke_session(author, organization, user.meta.id, session).await {
                Ok(()) => Ok(Outcome::Done("session")),
                Err(PeopleError::NotFound) => Ok(Outcome::Fault("session", "This session is over already.".to_owned())),
                Err(error) => Err(error),
            }
        })
    }
}
