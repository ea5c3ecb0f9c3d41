//! Base64url, as JSON documents of ceremonies have it.

use base64::{
    Engine as _,
    alphabet::URL_SAFE,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use crate::error::WebauthnError;

/// Without padding, as the standard has it. Some programs that stand in for authenticators add it.
const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_encode_padding(false).with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

pub(crate) fn encode(bytes: &[u8]) -> String {
    ENGINE.encode(bytes)
}

/// Decodes a text of at most `max` bytes.
pub(crate) fn decode(text: &str, max: usize, fault: &'static str) -> Result<Vec<u8>, WebauthnError> {
    if text.len() > max.div_ceil(3) * 4 {
        return Err(WebauthnError::Malformed(fault));
    }
    let bytes = ENGINE.decode(text).map_err(|_| WebauthnError::Malformed(fault))?;
    if bytes.len() <= max { Ok(bytes) } else { Err(WebauthnError::Malformed(fault)) }
}
