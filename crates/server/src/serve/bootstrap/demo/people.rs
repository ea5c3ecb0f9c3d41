//! The people of the demo who worked in it before it was opened. They have no credentials: an administrator can send them a
//! link with which they set a password.

use std::collections::HashMap;

use auth::{Role, User, UserStatus, parse_user_email};
use kernel::{
    Action, Actor, ActorKind, Change, Id, Kind, Organization, OrganizationRef, Reason, Stored, Subject, Title,
};

use crate::{failure::Failure, operations::Operator};

/// An internal auditor.
pub(super) const AUDIT: &str = "Ines Moreno";
/// The head of security.
pub(super) const SECURITY: &str = "Paul Achterberg";
/// The head of payments.
pub(super) const PAYMENTS: &str = "Amara Osei";
/// The head of people.
pub(super) const STAFF: &str = "Kofi Asante";
/// The manager of suppliers.
pub(super) const SUPPLIERS: &str = "Ruth Lindqvist";
/// The controller.
pub(super) const CONTROLLER: &str = "Marta Ilves";

/// Each person with the local part of their email address and their role.
const PEOPLE: [(&str, &str, Role); 6] = [
    (AUDIT, "ines.moreno", Role::Lead),
    (SECURITY, "paul.achterberg", Role::Lead),
    (PAYMENTS, "amara.osei", Role::Lead),
    (STAFF, "kofi.asante", Role::Lead),
    (SUPPLIERS, "ruth.lindqvist", Role::Lead),
    (CONTROLLER, "marta.ilves", Role::Contributor),
];

/// The people, as actors of changes.
pub(super) struct People(HashMap<&'static str, Actor>);

impl People {
    /// Creates the people.
    ///
    /// # Errors
    /// If the store fails.
    pub(super) async fn add(operator: &Operator, workspace: &Stored<Organization>) -> Result<Self, Failure> {
        let organization = OrganizationRef::from(workspace);
        let mut people = HashMap::new();
        for (name, address, role) in PEOPLE {
            let email = parse_user_email(&format!("{address}@cedar-valley.example"))?;
            let user = User { status: UserStatus::Active, ..User::invited(Title::parse(name)?, email, role) };
            let id = operator
                .write(async || {
                    let timestamp = operator.installation.store.begin_write();
                    let at = timestamp.at();
                    let id = Id::new(operator.installation.entropy.ulid(at));
                    let user = Stored::new(organization.id, id, at, user.clone());
                    let action = Action::on_record(Kind::User, "created");
                    let subject = Some(Subject::from_id(id));
                    let mut changeset = operator.changeset_at(timestamp, &organization, action, subject);
                    changeset.set_changes(Change::between(None, &user.record));
                    changeset.create(&user);
                    Ok((changeset, id))
                })
                .await?;
            let id = Some(id.to_string().into());
            people.insert(name, Actor { kind: ActorKind::User, id, name: name.into() });
        }
        Ok(Self(people))
    }

    /// Returns the operator of what this person does, for a reason.
    ///
    /// # Errors
    /// If the demo has no such person, or the text is no reason.
    pub(super) fn operator(&self, base: &Operator, name: &str, reason: &str) -> Result<Operator, Failure> {
        let actor = self.0.get(name).ok_or_else(|| Failure::new(format!("the demo has no person {name}")))?;
        let mut attribution = base.attribution();
        attribution.actor = actor.clone();
        Ok(Operator::for_person(base.installation.clone(), attribution, Reason::parse(reason)?))
    }
}
