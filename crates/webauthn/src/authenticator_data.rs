//! The authenticator data: what the authenticator says and signs (Web Authentication § 6.1).

use crate::{MAX_CREDENTIAL_ID, cbor::CborReader, error::WebauthnError, relying_party::RelyingParty};

/// The maximum length in bytes that is accepted.
pub(crate) const MAX_AUTHENTICATOR_DATA: usize = 8192;

const MALFORMED: WebauthnError = WebauthnError::Malformed("the authenticator data");

const USER_PRESENT: u8 = 0x01;
const USER_VERIFIED: u8 = 0x04;
const BACKUP_ELIGIBLE: u8 = 0x08;
const BACKED_UP: u8 = 0x10;
const HAS_CREDENTIAL: u8 = 0x40;
const HAS_EXTENSIONS: u8 = 0x80;

/// The parsed authenticator data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AuthenticatorData<'b> {
    party: [u8; 32],
    flags: u8,
    /// The counter of signatures; 0 if the authenticator has none.
    pub(crate) sign_count: u32,
    /// The new credential, in a registration.
    pub(crate) credential: Option<AttestedCredential<'b>>,
}

/// A credential that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AttestedCredential<'b> {
    /// The identifier.
    pub(crate) id: &'b [u8],
    /// The public key as a COSE key.
    pub(crate) public_key: &'b [u8],
}

impl<'b> AuthenticatorData<'b> {
    pub(crate) fn parse(bytes: &'b [u8]) -> Result<Self, WebauthnError> {
        let (party, rest) = bytes.split_first_chunk::<32>().ok_or(MALFORMED)?;
        let ([flags], rest) = rest.split_first_chunk::<1>().ok_or(MALFORMED)?;
        let (sign_count, mut rest) = rest.split_first_chunk::<4>().ok_or(MALFORMED)?;
        let mut credential = None;
        if flags & HAS_CREDENTIAL != 0 {
            let (attested, behind) = AttestedCredential::parse(rest)?;
            (credential, rest) = (Some(attested), behind);
        }
        if flags & HAS_EXTENSIONS != 0 {
            let mut reader = CborReader::new(rest);
            reader.map()?;
            reader = CborReader::new(rest);
            reader.skip()?;
            rest = reader.rest();
        }
        if !rest.is_empty() || (flags & BACKED_UP != 0 && flags & BACKUP_ELIGIBLE == 0) {
            return Err(MALFORMED);
        }
        Ok(Self { party: *party, flags: *flags, sign_count: u32::from_be_bytes(*sign_count), credential })
    }

    /// Checks that it was made for this relying party, in the presence of a person.
    pub(crate) fn check(&self, party: &RelyingParty) -> Result<(), WebauthnError> {
        if self.party != party.id_hash() {
            return Err(WebauthnError::RelyingParty);
        }
        if self.flags & USER_PRESENT == 0 {
            return Err(WebauthnError::UserPresence);
        }
        Ok(())
    }

    /// Whether the authenticator verified who uses it.
    pub(crate) const fn is_user_verified(&self) -> bool {
        self.flags & USER_VERIFIED != 0
    }

    /// Whether the credential may be copied to other devices of its owner.
    pub(crate) const fn is_backup_eligible(&self) -> bool {
        self.flags & BACKUP_ELIGIBLE != 0
    }
}

impl<'b> AttestedCredential<'b> {
    /// Reads the credential, and returns what is behind it.
    fn parse(bytes: &'b [u8]) -> Result<(Self, &'b [u8]), WebauthnError> {
        // The first 16 bytes name the model of the authenticator.
        let (_, rest) = bytes.split_first_chunk::<16>().ok_or(MALFORMED)?;
        let (length, rest) = rest.split_first_chunk::<2>().ok_or(MALFORMED)?;
        let length = usize::from(u16::from_be_bytes(*length));
        if !(1..=MAX_CREDENTIAL_ID).contains(&length) {
            return Err(MALFORMED);
        }
        let (id, rest) = rest.split_at_checked(length).ok_or(MALFORMED)?;
        let mut reader = CborReader::new(rest);
        reader.skip()?;
        let behind = reader.rest();
        let public_key = rest.get(..rest.len() - behind.len()).ok_or(MALFORMED)?;
        Ok((Self { id, public_key }, behind))
    }
}
