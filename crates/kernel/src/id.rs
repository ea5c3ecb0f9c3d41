//! Identifiers: a stable prefix, `_`, and a ULID in upper-case Crockford base 32. Opaque to clients (contract v1 § 1).

use std::{cmp::Ordering, fmt, hash, marker::PhantomData, str::FromStr};

use ulid::Ulid;

/// Something that carries identifiers of its own kind.
pub trait Named: 'static {
    /// What the identifiers start with, without the underscore: `find`, `ctrl`, `svc`.
    const PREFIX: &'static str;
}

/// The identifier of one `R`. Two kinds of identifier are two types, so one can't be handed in for the other.
pub struct Id<R: ?Sized> {
    ulid: Ulid,
    of: PhantomData<fn() -> R>,
}

/// The text is not an identifier of the kind asked for: another prefix, another length, lower case or a foreign character.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an identifier of the form {prefix}_…")]
pub struct MalformedId {
    /// The prefix that was expected.
    pub prefix: &'static str,
}

/// Names a request in answers, logs and the audit log: `req_…`.
#[derive(Debug)]
pub enum RequestId {}

impl Named for RequestId {
    const PREFIX: &'static str = "req";
}

impl<R: ?Sized> Id<R> {
    /// The identifier with this ULID.
    #[must_use]
    pub const fn new(ulid: Ulid) -> Self {
        Self { ulid, of: PhantomData }
    }

    /// What a store keeps: the ULID without its prefix.
    #[must_use]
    pub const fn ulid(self) -> Ulid {
        self.ulid
    }
}

impl<R: ?Sized> Clone for Id<R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R: ?Sized> Copy for Id<R> {}

impl<R: ?Sized> PartialEq for Id<R> {
    fn eq(&self, other: &Self) -> bool {
        self.ulid == other.ulid
    }
}

impl<R: ?Sized> Eq for Id<R> {}

impl<R: ?Sized> PartialOrd for Id<R> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<R: ?Sized> Ord for Id<R> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.ulid.cmp(&other.ulid)
    }
}

impl<R: ?Sized> hash::Hash for Id<R> {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.ulid.hash(state);
    }
}

impl<R: Named + ?Sized> fmt::Display for Id<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut buffer = [0; ulid::ULID_LEN];
        f.write_str(R::PREFIX)?;
        f.write_str("_")?;
        f.write_str(self.ulid.array_to_str(&mut buffer))
    }
}

impl<R: Named + ?Sized> fmt::Debug for Id<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<R: Named + ?Sized> FromStr for Id<R> {
    type Err = MalformedId;

    fn from_str(text: &str) -> Result<Self, MalformedId> {
        let malformed = MalformedId { prefix: R::PREFIX };
        let body = text.strip_prefix(R::PREFIX).and_then(|rest| rest.strip_prefix('_')).ok_or(malformed)?;
        let ulid = Ulid::from_string(body).map_err(|_| malformed)?;
        let mut buffer = [0; ulid::ULID_LEN];
        // One identifier has one spelling: what Crockford's alphabet merely tolerates would make two keys of one record.
        if ulid.array_to_str(&mut buffer) == body { Ok(Self::new(ulid)) } else { Err(malformed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_has_exactly_one_spelling() {
        let id = Id::<RequestId>::new(Ulid::from_parts(1_700_000_000_000, 42));
        let text = id.to_string();
        assert_eq!(text.parse(), Ok(id));
        for other in [
            text.to_lowercase(),
            text.replace("req_", "find_"),
            text[..text.len() - 1].to_owned(),
            format!("{text}0"),
            format!(" {text}"),
            format!("req_8{}", "0".repeat(25)),
            "req_".to_owned(),
            String::new(),
        ] {
            assert!(other.parse::<Id<RequestId>>().is_err(), "{other:?} was taken for an identifier");
        }
    }
}
