//! The client data: what the browser says about the page on which a ceremony took place.

use serde::Deserialize;

use crate::{encoding::decode, error::WebauthnError, relying_party::RelyingParty};

/// The maximum length of the JSON document in bytes. Browsers write some 200.
pub(crate) const MAX_CLIENT_DATA: usize = 4096;
/// The maximum length of a challenge in bytes.
const MAX_CHALLENGE: usize = 128;

/// The kind of a ceremony.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ceremony {
    Create,
    Get,
}

impl Ceremony {
    const fn name(self) -> &'static str {
        match self {
            Self::Create => "webauthn.create",
            Self::Get => "webauthn.get",
        }
    }
}

/// The members that are read. Others may be there.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    r#type: String,
    challenge: String,
    origin: String,
    #[serde(default)]
    cross_origin: bool,
    top_origin: Option<String>,
}

/// The client data of one ceremony.
#[derive(Clone, Debug)]
pub(crate) struct ClientData {
    /// The challenge that is answered.
    pub(crate) challenge: Vec<u8>,
    origin: String,
    is_embedded: bool,
}

impl ClientData {
    /// Reads the JSON document of a ceremony of this kind.
    pub(crate) fn parse(json: &[u8], ceremony: Ceremony) -> Result<Self, WebauthnError> {
        let fault = WebauthnError::Malformed("the client data is not that of this ceremony");
        let document: Document = serde_json::from_slice(json).map_err(|_| fault)?;
        if document.r#type != ceremony.name() {
            return Err(fault);
        }
        let challenge = decode(&document.challenge, MAX_CHALLENGE, "the challenge")?;
        let is_embedded = document.cross_origin || document.top_origin.is_some();
        Ok(Self { challenge, origin: document.origin, is_embedded })
    }

    /// Checks that a page of the relying party, which is in no frame of another one, answered this challenge.
    pub(crate) fn check(&self, party: &RelyingParty, challenge: &[u8]) -> Result<(), WebauthnError> {
        if challenge.is_empty() || self.challenge != challenge {
            return Err(WebauthnError::Challenge);
        }
        if self.origin != party.origin() || self.is_embedded {
            return Err(WebauthnError::Origin);
        }
        Ok(())
    }
}
