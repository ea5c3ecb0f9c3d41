//! The settings of the witnesses that cosign heads of the installation's log.

use std::time::Duration;

use audit::{SignatureKind, VerifierKey};
use openid::parse_provider_url;
use url::Url;

use super::{parsers::parse_duration, reader::SettingsReader, table};

/// Maximum number of witnesses: with the signature of the log, as many as every verifier must accept in a note.
const MAX_WITNESSES: usize = 15;

/// A witness that cosigns heads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Witness {
    /// The address that heads are sent to.
    pub(crate) url: Url,
    /// The key of its cosignatures.
    pub(crate) key: VerifierKey,
}

/// The witnesses, and how often they are asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WitnessSettings {
    pub(crate) witnesses: Vec<Witness>,
    pub(crate) interval: Duration,
}

impl WitnessSettings {
    pub(super) fn read(reader: &mut SettingsReader<'_>) -> Option<Self> {
        let witnesses = reader.value_or(&table::AUDIT_WITNESSES, parse_witnesses, Vec::new);
        let interval = reader.value(&table::AUDIT_WITNESS_INTERVAL, |text| match parse_duration(text)? {
            interval if (1..=86_400).contains(&interval.as_secs()) => Ok(interval),
            _ => Err(format!("{text} is not from 1s to 1d")),
        });
        Some(Self { witnesses: witnesses?, interval: interval? })
    }
}

fn parse_witnesses(text: &str) -> Result<Vec<Witness>, String> {
    let mut witnesses: Vec<Witness> = Vec::new();
    for text in text.split(',').map(str::trim).filter(|text| !text.is_empty()) {
        let witness = parse_witness(text)?;
        if witnesses.iter().any(|other| other.key.public_key == witness.key.public_key) {
            return Err(format!("the key of {} is there twice", witness.key.name));
        }
        if witnesses.iter().any(|other| other.key.name == witness.key.name || other.url == witness.url) {
            return Err(format!("the name or the address of {} is there twice", witness.key.name));
        }
        witnesses.push(witness);
    }
    if witnesses.len() > MAX_WITNESSES {
        return Err(format!("there are more than {MAX_WITNESSES} witnesses"));
    }
    Ok(witnesses)
}

fn parse_witness(text: &str) -> Result<Witness, String> {
    let (url, key) = text.split_once(char::is_whitespace).ok_or_else(|| {
        format!("{text:?} is not the address of a witness and, after a space, its verifier key NAME+ID+KEY")
    })?;
    let mut url = parse_provider_url(url).map_err(|error| format!("{url:?}: {error}"))?;
    if url.query().is_some() {
        return Err(format!("{url} must not have a query"));
    }
    let key: VerifierKey = key.trim().parse().map_err(|error| format!("the key of {url}: {error}"))?;
    if key.kind != SignatureKind::Cosignature {
        return Err(format!("{key} is the key of a log and not of the cosignatures of a witness (type 0x04)"));
    }
    let not_a_base = || format!("{text:?} has no path");
    url.path_segments_mut().map_err(|()| not_a_base())?.pop_if_empty().push("add-checkpoint");
    Ok(Witness { url, key })
}

#[cfg(test)]
mod tests {
    use audit::KeyName;

    use super::*;

    fn key(name: &str, kind: SignatureKind, number: u8) -> VerifierKey {
        VerifierKey { name: KeyName::parse(name).unwrap(), kind, public_key: [number; 32] }
    }

    fn cosigning(name: &str, number: u8) -> VerifierKey {
        key(name, SignatureKind::Cosignature, number)
    }

    #[test]
    fn witnesses_are_addresses_with_cosignature_keys() {
        let text = format!(
            "https://witness.example.org/a/ {}, http://127.0.0.1:9000\t{}",
            cosigning("witness.example.org/a", 1),
            cosigning("local", 2)
        );
        let read = parse_witnesses(&text).unwrap();
        let urls: Vec<&str> = read.iter().map(|witness| witness.url.as_str()).collect();
        assert_eq!(urls, ["https://witness.example.org/a/add-checkpoint", "http://127.0.0.1:9000/add-checkpoint"]);
        assert_eq!(read[1].key, cosigning("local", 2));
        assert_eq!(parse_witnesses(""), Ok(Vec::new()));
    }

    #[test]
    fn what_is_no_witness_is_refused_with_a_reason() {
        let one = cosigning("one", 1);
        let url = "https://witness.example.org";
        for (text, reason) in [
            (url.to_owned(), "after a space"),
            (format!("http://witness.example.org {one}"), "https"),
            (format!("{url}?a=b {one}"), "query"),
            (format!("{url} one+00000000+AAAA"), "verifier key"),
            (format!("{url} {}", key("log", SignatureKind::Log, 1)), "key of a log"),
            (format!("{url} {one}, {url}/b {}", cosigning("two", 1)), "twice"),
            (format!("{url} {one}, {url}/b {}", cosigning("one", 2)), "twice"),
            (format!("{url} {one}, {url}/ {}", cosigning("two", 2)), "twice"),
        ] {
            let error = parse_witnesses(&text).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
