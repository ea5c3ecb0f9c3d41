//! The registration of a credential (Web Authentication § 7.1).

use serde::Deserialize;

use crate::{
    authenticator_data::{AuthenticatorData, MAX_AUTHENTICATOR_DATA},
    cbor::CborReader,
    client_data::{Ceremony, ClientData, MAX_CLIENT_DATA},
    encoding::decode,
    error::WebauthnError,
    public_key::PublicKey,
    relying_party::RelyingParty,
};

/// The maximum length of the JSON document of a response in bytes.
const MAX_DOCUMENT: usize = 64 * 1024;
/// The maximum length of an attestation object in bytes: beside the authenticator data, it may have certificates.
const MAX_ATTESTATION: usize = 32 * 1024;

/// The response of a browser to [`crate::creation_options`], a `RegistrationResponseJSON` of the standard.
#[derive(Clone, Debug)]
pub struct Registration {
    client_data: ClientData,
    attestation: Vec<u8>,
}

/// A credential that was registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCredential {
    /// The identifier.
    pub id: Vec<u8>,
    /// The public key as a COSE key.
    pub public_key: Vec<u8>,
    /// The counter of signatures; 0 if the authenticator has none.
    pub sign_count: u32,
    /// Whether the authenticator verified who uses it.
    pub is_user_verified: bool,
    /// Whether the credential may be copied to other devices of its owner, as those of a password manager are.
    pub is_backup_eligible: bool,
}

#[derive(Deserialize)]
struct Document {
    response: Response,
}

#[derive(Deserialize)]
struct Response {
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    #[serde(rename = "attestationObject")]
    attestation: String,
}

impl Registration {
    /// Reads the JSON document of a response.
    ///
    /// # Errors
    /// [`WebauthnError::Malformed`].
    pub fn parse(json: &str) -> Result<Self, WebauthnError> {
        let fault = WebauthnError::Malformed("it is no response of a registration");
        let document = Some(json).filter(|json| json.len() <= MAX_DOCUMENT).ok_or(fault)?;
        let Document { response } = serde_json::from_str(document).map_err(|_| fault)?;
        let client_data = decode(&response.client_data, MAX_CLIENT_DATA, "the client data")?;
        let attestation = decode(&response.attestation, MAX_ATTESTATION, "the attestation")?;
        Ok(Self { client_data: ClientData::parse(&client_data, Ceremony::Create)?, attestation })
    }

    /// The challenge that the response answers. The caller must check that they issued it.
    #[must_use]
    pub fn challenge(&self) -> &[u8] {
        &self.client_data.challenge
    }

    /// Verifies the response to this challenge. Nothing is concluded from an attestation: none was asked for, and what an
    /// authenticator says about its model does not matter here.
    ///
    /// # Errors
    /// [`WebauthnError`].
    pub fn verify(&self, party: &RelyingParty, challenge: &[u8]) -> Result<NewCredential, WebauthnError> {
        self.client_data.check(party, challenge)?;
        let data = authenticator_data(&self.attestation)?;
        if data.len() > MAX_AUTHENTICATOR_DATA {
            return Err(WebauthnError::Malformed("the authenticator data"));
        }
        let data = AuthenticatorData::parse(data)?;
        data.check(party)?;
        let credential = data.credential.ok_or(WebauthnError::Malformed("there is no credential"))?;
        PublicKey::parse(credential.public_key)?;
        Ok(NewCredential {
            id: credential.id.to_vec(),
            public_key: credential.public_key.to_vec(),
            sign_count: data.sign_count,
            is_user_verified: data.is_user_verified(),
            is_backup_eligible: data.is_backup_eligible(),
        })
    }
}

/// Returns the authenticator data of an attestation object.
fn authenticator_data(attestation: &[u8]) -> Result<&[u8], WebauthnError> {
    let fault = WebauthnError::Malformed("the attestation");
    let (mut reader, mut data) = (CborReader::new(attestation), None);
    for _ in 0..reader.map()? {
        match reader.text()? {
            "authData" if data.is_none() => data = Some(reader.bytes()?),
            "authData" => return Err(fault),
            _ => reader.skip()?,
        }
    }
    if reader.rest().is_empty() { data.ok_or(fault) } else { Err(fault) }
}
