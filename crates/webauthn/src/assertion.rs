//! A signature by a credential (Web Authentication § 7.2).

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::{
    MAX_CREDENTIAL_ID,
    authenticator_data::{AuthenticatorData, MAX_AUTHENTICATOR_DATA},
    client_data::{Ceremony, ClientData, MAX_CLIENT_DATA},
    encoding::decode,
    error::WebauthnError,
    public_key::PublicKey,
    relying_party::RelyingParty,
};

/// The maximum length of the JSON document of a response in bytes.
const MAX_DOCUMENT: usize = 32 * 1024;
/// The maximum length of a signature in bytes: that of RSA with 4096 bits.
const MAX_SIGNATURE: usize = 512;
/// The maximum length of a user handle in bytes, as the standard limits it.
const MAX_USER_HANDLE: usize = 64;

/// The response of a browser to [`crate::request_options`], an `AuthenticationResponseJSON` of the standard.
#[derive(Clone, Debug)]
pub struct Assertion {
    credential_id: Vec<u8>,
    client_data: ClientData,
    client_data_hash: [u8; 32],
    authenticator_data: Vec<u8>,
    signature: Vec<u8>,
    user_handle: Option<Vec<u8>>,
}

/// A credential that was registered, as the verification needs it.
#[derive(Clone, Copy, Debug)]
pub struct RegisteredCredential<'c> {
    /// The identifier.
    pub id: &'c [u8],
    /// The public key as a COSE key.
    pub public_key: &'c [u8],
    /// The counter at the last use.
    pub sign_count: u32,
    /// Whether the credential may be copied, which never changes.
    pub is_backup_eligible: bool,
}

/// The outcome of a verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifiedAssertion {
    /// The counter to store.
    pub sign_count: u32,
    /// Whether the authenticator verified who uses it.
    pub is_user_verified: bool,
}

#[derive(Deserialize)]
struct Document {
    id: String,
    response: Response,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    authenticator_data: String,
    signature: String,
    user_handle: Option<String>,
}

impl Assertion {
    /// Reads the JSON document of a response.
    ///
    /// # Errors
    /// [`WebauthnError::Malformed`].
    pub fn parse(json: &str) -> Result<Self, WebauthnError> {
        let fault = WebauthnError::Malformed("it is no response of a sign-in");
        let document = Some(json).filter(|json| json.len() <= MAX_DOCUMENT).ok_or(fault)?;
        let Document { id, response } = serde_json::from_str(document).map_err(|_| fault)?;
        let client_data = decode(&response.client_data, MAX_CLIENT_DATA, "the client data")?;
        let user_handle = response.user_handle.filter(|text| !text.is_empty());
        let user_handle = user_handle.map(|text| decode(&text, MAX_USER_HANDLE, "the user handle")).transpose()?;
        Ok(Self {
            credential_id: decode(&id, MAX_CREDENTIAL_ID, "the identifier")?,
            client_data_hash: Sha256::digest(&client_data).into(),
            client_data: ClientData::parse(&client_data, Ceremony::Get)?,
            authenticator_data: decode(&response.authenticator_data, MAX_AUTHENTICATOR_DATA, "the authenticator data")?,
            signature: decode(&response.signature, MAX_SIGNATURE, "the signature")?,
            user_handle,
        })
    }

    /// The challenge that the response answers. The caller must check that they issued it.
    #[must_use]
    pub fn challenge(&self) -> &[u8] {
        &self.client_data.challenge
    }

    /// The identifier of the credential.
    #[must_use]
    pub fn credential_id(&self) -> &[u8] {
        &self.credential_id
    }

    /// The handle of the user that the credential was registered for, if the authenticator has stored it.
    #[must_use]
    pub fn user_handle(&self) -> Option<&[u8]> {
        self.user_handle.as_deref()
    }

    /// Verifies the response to this challenge, by a credential that the caller has looked up.
    ///
    /// # Errors
    /// [`WebauthnError`]; [`WebauthnError::Counter`] only if all else is right.
    pub fn verify(
        &self,
        party: &RelyingParty,
        challenge: &[u8],
        credential: &RegisteredCredential<'_>,
    ) -> Result<VerifiedAssertion, WebauthnError> {
        if self.credential_id != credential.id {
            return Err(WebauthnError::Signature);
        }
        self.client_data.check(party, challenge)?;
        let data = AuthenticatorData::parse(&self.authenticator_data)?;
        data.check(party)?;
        let signed = [&*self.authenticator_data, &self.client_data_hash].concat();
        PublicKey::parse(credential.public_key)?.verify(&signed, &self.signature)?;
        if data.is_backup_eligible() != credential.is_backup_eligible {
            return Err(WebauthnError::Malformed(
                "the passkey says something else about copies than at its registration",
            ));
        }
        let (stored, received) = (credential.sign_count, data.sign_count);
        if (stored, received) != (0, 0) && received <= stored {
            return Err(WebauthnError::Counter { stored, received });
        }
        Ok(VerifiedAssertion { sign_count: received, is_user_verified: data.is_user_verified() })
    }
}
