//! Identifiers: a stable prefix, `_`, and a ULID in upper-case Crockford base 32. Opaque to clients (contract v1 § 1).

use std::{cmp::Ordering, fmt, hash, marker::PhantomData, str::FromStr};

use ulid::Ulid;

/// A type whose identifiers have a prefix of their own.
pub trait HasIdPrefix: 'static {
    /// The prefix of the identifiers, without the underscore: `find`, `ctrl`, `svc`.
    const PREFIX: &'static str;
}

/// The identifier of one `R`. Identifiers of different kinds have different types, so they can't be confused.
pub struct Id<R: ?Sized> {
    ulid: Ulid,
    marker: PhantomData<fn() -> R>,
}

/// The text is not an identifier of the expected kind: its prefix or length is wrong, or it has lower-case letters or
/// characters outside the alphabet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an identifier of the form {prefix}_…")]
pub struct MalformedId {
    /// The expected prefix.
    pub prefix: &'static str,
}

/// Marker for the identifiers of requests in responses, logs and the audit log: `req_…`.
#[derive(Debug)]
pub enum RequestId {}

impl HasIdPrefix for RequestId {
    const PREFIX: &'static str = "req";
}

impl<R: ?Sized> Id<R> {
    /// Creates the identifier with this ULID.
    #[must_use]
    pub const fn new(ulid: Ulid) -> Self {
        Self { ulid, marker: PhantomData }
    }

    /// The ULID without the prefix, which is the form that stores use.
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

impl<R: HasIdPrefix + ?Sized> fmt::Display for Id<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&IdText(R::PREFIX, self.ulid), f)
    }
}

/// An identifier without its type, displayed as a text: its prefix and its ULID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdText(pub &'static str, pub Ulid);

impl IdText {
    /// Parses an identifier with this prefix.
    ///
    /// # Errors
    /// [`MalformedId`] if the text is no identifier, or has another prefix.
    pub fn parse(prefix: &'static str, text: &str) -> Result<Self, MalformedId> {
        parse(prefix, text).map(|ulid| Self(prefix, ulid))
    }
}

impl fmt::Display for IdText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut buffer = [0; ulid::ULID_LEN];
        f.write_str(self.0)?;
        f.write_str("_")?;
        f.write_str(self.1.array_to_str(&mut buffer))
    }
}

impl<R: HasIdPrefix + ?Sized> fmt::Debug for Id<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<R: HasIdPrefix + ?Sized> FromStr for Id<R> {
    type Err = MalformedId;

    fn from_str(text: &str) -> Result<Self, MalformedId> {
        parse(R::PREFIX, text).map(Self::new)
    }
}

/// Parses an identifier with this prefix.
pub(crate) fn parse(prefix: &'static str, text: &str) -> Result<Ulid, MalformedId> {
    let malformed = MalformedId { prefix };
    let body = text.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_')).ok_or(malformed)?;
    let ulid = Ulid::from_string(body).map_err(|_| malformed)?;
    let mut buffer = [0; ulid::ULID_LEN];
    // An identifier has exactly one spelling: the alternatives that Crockford's alphabet tolerates would give one
    // record several keys.
    if ulid.array_to_str(&mut buffer) == body { Ok(ulid) } else { Err(malformed) }
}

/// The identifiers of several `R`, in a fixed order, as one column of a record.
pub struct IdList<R: ?Sized> {
    ulids: Vec<Ulid>,
    marker: PhantomData<fn() -> R>,
}

impl<R: ?Sized> IdList<R> {
    /// The identifiers.
    pub fn iter(&self) -> impl Iterator<Item = Id<R>> {
        self.ulids.iter().copied().map(Id::new)
    }

    /// The identifiers without their prefix.
    #[must_use]
    pub fn ulids(&self) -> &[Ulid] {
        &self.ulids
    }

    /// Creates the list of the identifiers with these ULIDs.
    #[must_use]
    pub const fn from_ulids(ulids: Vec<Ulid>) -> Self {
        Self { ulids, marker: PhantomData }
    }
}

impl<R: ?Sized> FromIterator<Id<R>> for IdList<R> {
    fn from_iter<I: IntoIterator<Item = Id<R>>>(ids: I) -> Self {
        Self::from_ulids(ids.into_iter().map(Id::ulid).collect())
    }
}

impl<R: ?Sized> Clone for IdList<R> {
    fn clone(&self) -> Self {
        Self::from_ulids(self.ulids.clone())
    }
}

impl<R: ?Sized> PartialEq for IdList<R> {
    fn eq(&self, other: &Self) -> bool {
        self.ulids == other.ulids
    }
}

impl<R: HasIdPrefix + ?Sized> fmt::Debug for IdList<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn identifiers_are_compared_hashed_and_ordered_by_their_ulids() {
        let id = |number| Id::<RequestId>::new(Ulid(number));
        assert!(id(1) == id(1) && id(1) != id(2));
        assert_eq!(id(1).partial_cmp(&id(2)), Some(Ordering::Less));
        assert_eq!(id(2).cmp(&id(1)), Ordering::Greater);
        assert_eq!([id(1), id(2), id(1)].into_iter().collect::<HashSet<_>>().len(), 2);
        // `HashSet` compares, too; only the hashes themselves show that the ULID is hashed.
        let hash = |id: Id<RequestId>| {
            hash::BuildHasher::hash_one(&hash::BuildHasherDefault::<hash::DefaultHasher>::default(), id)
        };
        assert_ne!(hash(id(1)), hash(id(2)));
    }

    #[test]
    fn an_identifier_is_displayed_with_its_prefix() {
        let id = Id::<RequestId>::new(Ulid(1));
        assert_eq!(id.to_string(), "req_00000000000000000000000001");
        assert_eq!(format!("{id:?}"), id.to_string());
        assert_eq!(IdText("org", Ulid(1)).to_string(), "org_00000000000000000000000001");
    }

    #[test]
    fn a_list_of_identifiers_has_them_in_their_order() {
        let ids = [2, 1, 2].map(|number| Id::<RequestId>::new(Ulid(number)));
        let list: IdList<RequestId> = ids.into_iter().collect();
        assert_eq!(list.iter().collect::<Vec<_>>(), ids);
        assert_eq!(list.ulids(), [Ulid(2), Ulid(1), Ulid(2)]);
        assert_eq!(list.clone(), list);
        assert_ne!(list, IdList::from_ulids(vec![Ulid(1), Ulid(2), Ulid(2)]));
        assert_eq!(format!("{list:?}"), format!("[{}, {}, {}]", ids[0], ids[1], ids[2]));
    }

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
            assert!(other.parse::<Id<RequestId>>().is_err(), "{other:?} was accepted as an identifier");
        }
    }
}
