//! The options of ceremonies for the browser, as the JSON documents of the standard (`PublicKeyCredentialCreationOptionsJSON` and
//! `PublicKeyCredentialRequestOptionsJSON`).

use serde_json::{Value, json};

use crate::{encoding::encode, public_key::ALGORITHMS, relying_party::RelyingParty};

/// The time in milliseconds that a person has for a ceremony.
const TIMEOUT: u32 = 300_000;

/// The user that a credential is registered for.
#[derive(Clone, Copy, Debug)]
pub struct UserEntity<'u> {
    /// The handle: up to 64 bytes, which name nobody.
    pub handle: &'u [u8],
    /// The name that the user signs in with.
    pub name: &'u str,
    /// The name that is displayed.
    pub display_name: &'u str,
}

/// The options of a registration. Authenticators that have one of the credentials `existing` refuse.
#[must_use]
pub fn creation_options(party: &RelyingParty, challenge: &[u8], user: UserEntity<'_>, existing: &[&[u8]]) -> Value {
    let algorithms = ALGORITHMS.map(|algorithm| json!({ "type": "public-key", "alg": algorithm }));
    json!({
        "rp": { "id": party.id(), "name": "Novantra" },
        "user": { "id": encode(user.handle), "name": user.name, "displayName": user.display_name },
        "challenge": encode(challenge),
        "pubKeyCredParams": algorithms,
        "timeout": TIMEOUT,
        "excludeCredentials": descriptors(existing),
        "authenticatorSelection": { "residentKey": "preferred", "userVerification": "preferred" },
        "attestation": "none",
    })
}

/// The options of a sign-in. Without credentials, the person chooses one that their authenticator has for the relying
/// party, which then must verify who they are.
#[must_use]
pub fn request_options(party: &RelyingParty, challenge: &[u8], credentials: &[&[u8]]) -> Value {
    json!({
        "rpId": party.id(),
        "challenge": encode(challenge),
        "timeout": TIMEOUT,
        "allowCredentials": descriptors(credentials),
        "userVerification": if credentials.is_empty() { "required" } else { "preferred" },
    })
}

fn descriptors(credentials: &[&[u8]]) -> Vec<Value> {
    credentials.iter().map(|id| json!({ "type": "public-key", "id": encode(id) })).collect()
}
