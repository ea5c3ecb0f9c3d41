//! The rows of credentials, sessions and links.

use std::borrow::Cow;

use auth::{
    Credentials, ExternalIdentity, LinkPurpose, OneTimeLink, PasswordHash, SecondFactor, Session, SessionLevel,
    TokenHash, UserId,
};
use kernel::{OrganizationId, StoreError};

use super::passkeys;
use crate::engine::{RowReader, Value, corrupt};

/// The values of the credentials, in the order of the columns behind the key.
pub(super) fn credentials_values(credentials: &Credentials) -> [Value<'_>; 8] {
    let Credentials { version, password, password_set_at, second_factor, passkeys, recovery_codes } = credentials;
    let factor = second_factor.as_ref();
    [
        (*version).into(),
        Value::text(password.as_str()),
        (*password_set_at).into(),
        factor.map_or(Value::Null, |factor| Value::Blob(Cow::Borrowed(&factor.ciphertext))),
        Value::opt(factor.map(|factor| factor.enrolled_at)),
        Value::opt(factor.map(|factor| factor.last_step)),
        recovery_codes.iter().copied().map(TokenHash::to_hex).collect::<Vec<_>>().join(" ").into(),
        passkeys::to_json(passkeys).into(),
    ]
}

/// Reads credentials from the columns behind the key.
pub(super) fn credentials(cells: &mut RowReader<'_>) -> Result<Credentials, StoreError> {
    Ok(Credentials {
        version: cells.int()?,
        password: PasswordHash::new(cells.text()?),
        password_set_at: cells.time()?,
        second_factor: second_factor(cells)?,
        recovery_codes: cells.parsed(|text| text.split_ascii_whitespace().map(hash).collect::<Result<_, _>>())?,
        passkeys: cells.parsed(passkeys::from_json)?,
    })
}

fn second_factor(cells: &mut RowReader<'_>) -> Result<Option<SecondFactor>, StoreError> {
    let ciphertext = cells.opt_blob()?.map(<[u8]>::to_vec);
    let (enrolled_at, last_step) = (cells.opt_time()?, cells.opt_int()?);
    match (ciphertext, enrolled_at, last_step) {
        (None, None, None) => Ok(None),
        (Some(ciphertext), Some(enrolled_at), Some(last_step)) => {
            Ok(Some(SecondFactor { ciphertext, enrolled_at, last_step }))
        }
        _ => Err(corrupt("a second factor has only some of its values")),
    }
}

/// The values of a session, in the order of its columns.
pub(super) fn session_values(session: &Session) -> Vec<Value<'_>> {
    vec![
        session.organization.into(),
        session.id.into(),
        session.user.into(),
        session.token.to_hex().into(),
        Value::text(session.level.name()),
        session.created_at.into(),
        session.authenticated_at.into(),
        session.last_used_at.into(),
        session.expires_at.into(),
        Value::opt_text(session.source_address.as_ref()),
        Value::opt_text(session.user_agent.as_ref()),
    ]
}

/// Reads a session from its columns.
pub(super) fn session(cells: &mut RowReader<'_>) -> Result<Session, StoreError> {
    Ok(Session {
        organization: cells.id()?,
        id: cells.id()?,
        user: cells.id()?,
        token: cells.parsed(hash)?,
        level: cells.enum_value(SessionLevel::ALL, SessionLevel::name)?,
        created_at: cells.time()?,
        authenticated_at: cells.time()?,
        last_used_at: cells.time()?,
        expires_at: cells.time()?,
        source_address: cells.opt_text()?.map(str::to_owned),
        user_agent: cells.opt_text()?.map(str::to_owned),
    })
}

/// The values of a link, in the order of its columns.
pub(super) fn link_values(organization: OrganizationId, link: &OneTimeLink) -> Vec<Value<'_>> {
    vec![
        organization.into(),
        link.token.to_hex().into(),
        Value::text(link.purpose.name()),
        Value::opt(link.user),
        link.created_at.into(),
        link.expires_at.into(),
    ]
}

/// Reads a link from its columns.
pub(super) fn link(cells: &mut RowReader<'_>) -> Result<OneTimeLink, StoreError> {
    let (organization, token): (OrganizationId, _) = (cells.id()?, cells.parsed(hash)?);
    let purpose = cells.enum_value(LinkPurpose::ALL, LinkPurpose::name)?;
    let user: Option<UserId> = cells.opt_id()?;
    Ok(OneTimeLink { organization, token, purpose, user, created_at: cells.time()?, expires_at: cells.time()? })
}

/// The values of an identity, in the order of its columns.
pub(super) fn identity_values(organization: OrganizationId, identity: &ExternalIdentity) -> Vec<Value<'_>> {
    vec![
        organization.into(),
        Value::text(&identity.issuer),
        Value::text(&identity.subject),
        identity.user.into(),
        identity.linked_at.into(),
        identity.last_used_at.into(),
    ]
}

/// Reads an identity from its columns.
pub(super) fn identity(cells: &mut RowReader<'_>) -> Result<ExternalIdentity, StoreError> {
    Ok(ExternalIdentity {
        organization: cells.id()?,
        issuer: cells.text()?.to_owned(),
        subject: cells.text()?.to_owned(),
        user: cells.id()?,
        linked_at: cells.time()?,
        last_used_at: cells.time()?,
    })
}

fn hash(text: &str) -> Result<TokenHash, &'static str> {
    TokenHash::from_hex(text).ok_or("not a hash")
}
