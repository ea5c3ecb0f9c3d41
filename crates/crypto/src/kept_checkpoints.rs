//! Checkpoints that were stored elsewhere, as log collectors return them.

use audit::{Checkpoint, Signature};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use serde_json::{Map, Value};

/// Parses checkpoints that were stored elsewhere: one JSON object a line, bare or as `{"checkpoint":{…}}`.
///
/// # Errors
/// The first invalid line with its number; if there is no checkpoint at all.
pub fn read_checkpoints(text: &str) -> Result<Vec<Checkpoint>, String> {
    let checkpoints = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).map(|(index, line)| {
        let numbered = |error: String| format!("line {}: {error}", index + 1);
        match serde_json::from_str(line).map_err(|error| numbered(format!("not JSON: {error}")))? {
            Value::Object(mut object) => {
                let inner = match object.remove("checkpoint") {
                    Some(Value::Object(inner)) => inner,
                    // A line of the server's log contains the checkpoint as a JSON string.
                    Some(Value::String(text)) => {
                        serde_json::from_str(&text).map_err(|error| numbered(error.to_string()))?
                    }
                    _ => object,
                };
                read_checkpoint(&inner).map_err(numbered)
            }
            _ => Err(numbered("not a JSON object".to_owned())),
        }
    });
    let checkpoints: Vec<Checkpoint> = checkpoints.collect::<Result<_, _>>()?;
    if checkpoints.is_empty() { Err("the file contains no checkpoint".to_owned()) } else { Ok(checkpoints) }
}

fn read_checkpoint(checkpoint: &Map<String, Value>) -> Result<Checkpoint, String> {
    let signature = BASE64.decode(text(checkpoint, "signature")?).ok().and_then(|bytes| bytes.try_into().ok());
    Ok(Checkpoint {
        organization: parse_member(checkpoint, "organizationId")?,
        sequence: number(checkpoint, "sequence")?,
        hash: parse_member(checkpoint, "hash")?,
        signed_at: parse_member(checkpoint, "signedAt")?,
        signature: Signature(signature.ok_or("signature is not 64 bytes in base64")?),
    })
}

fn text<'a>(object: &'a Map<String, Value>, member: &str) -> Result<&'a str, String> {
    object.get(member).and_then(Value::as_str).ok_or_else(|| format!("{member} is missing or not a string"))
}

fn number(object: &Map<String, Value>, member: &str) -> Result<i64, String> {
    object.get(member).and_then(Value::as_i64).ok_or_else(|| format!("{member} is missing or not an integer"))
}

fn parse_member<T: std::str::FromStr<Err: std::fmt::Display>>(
    object: &Map<String, Value>,
    member: &str,
) -> Result<T, String> {
    text(object, member)?.parse().map_err(|error| format!("{member}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_checkpoint_is_refused_with_its_line() {
        assert_eq!(read_checkpoints("").unwrap_err(), "the file contains no checkpoint");
        assert!(read_checkpoints("\n{\"checkpoint\":3}").unwrap_err().starts_with("line 2: "));
        assert!(read_checkpoints("[]").is_err());
    }
}
