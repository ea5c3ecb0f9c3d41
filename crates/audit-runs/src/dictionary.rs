//! The dictionary of a run: what its entries have in common.
//!
//! In order: callers, calls, subjects that are identifiers, texts; each a number and that many. Entries refer to them by
//! their numbers.

pub(crate) mod collect;

use std::{borrow::Cow, sync::Arc};

use kernel::{Action, ActorKind, Entry, Kind, Ulid};

use crate::{
    MAX_ENTRIES,
    bytes::{Reader, put_optional_text, put_text, put_varint},
    columns::{put_column, read_column},
    fault::{RunFault, ensure},
    frame::{Content, unpack},
    header::Header,
    identifier::{from_parts, parse, random_bytes, render, time_bytes},
    neighbours::{Neighbours, RandomColumns},
    texts::Texts,
};

/// The dictionary of a run: what its entries have in common.
pub struct Dictionary {
    pub(crate) callers: Vec<Caller>,
    pub(crate) calls: Vec<Call>,
    pub(crate) subjects: Vec<Ulid>,
    /// The random parts that subjects of blocks may be near to: those of the subjects of the dictionary.
    pub(crate) neighbours: Neighbours,
    pub(crate) texts: Texts,
}

/// A caller: the actor, and where it called from.
pub(crate) struct Caller {
    pub(crate) kind: ActorKind,
    pub(crate) id: Option<Arc<str>>,
    pub(crate) name: Arc<str>,
    pub(crate) address: Option<String>,
    pub(crate) user_agent: Option<String>,
}

/// A call: the action, and how it was performed.
pub(crate) struct Call {
    pub(crate) action: Action,
    pub(crate) method: Option<Cow<'static, str>>,
    pub(crate) route: Option<Cow<'static, str>>,
    pub(crate) status: Option<u16>,
    pub(crate) subject: SubjectForm,
}

/// The form of the subjects of a call.
pub(crate) enum SubjectForm {
    /// There is no subject.
    None,
    /// The identifier of the subject is any text.
    Text(Cow<'static, str>),
    /// The identifier of the subject is a ULID with this prefix.
    Identifier(Cow<'static, str>, String),
}

const KINDS: [ActorKind; 3] = [ActorKind::ServiceAccount, ActorKind::User, ActorKind::System];

const METHODS: [&str; 7] = ["GET", "POST", "PATCH", "DELETE", "HEAD", "PUT", "OPTIONS"];

impl Dictionary {
    /// Decodes the bytes in the range that the header states.
    ///
    /// # Errors
    /// [`RunFault`] if they are not a dictionary.
    pub fn decode(header: &Header, bytes: &[u8]) -> Result<Self, RunFault> {
        ensure(bytes.len() == header.dictionary().len(), "the dictionary has not the length that the header states")?;
        let content = unpack(bytes)?;
        let (mut plain, mut random) = (Reader::new(&content.plain), Reader::new(&content.random));
        let callers = read_list(&mut plain, |plain| read_caller(plain, &mut random))?;
        let calls = read_list(&mut plain, read_call)?;
        let mut neighbours = Neighbours::of_subjects();
        let subjects = read_subjects(&mut plain, &mut random, &mut neighbours)?;
        let texts = Texts::read(&mut plain)?;
        plain.finish()?;
        random.finish()?;
        Ok(Self { callers, calls, subjects, neighbours, texts })
    }
}

/// Reads a number of items and the items, each of which takes at least a byte.
fn read_list<'a, T>(
    reader: &mut Reader<'a>,
    mut read: impl FnMut(&mut Reader<'a>) -> Result<T, RunFault>,
) -> Result<Vec<T>, RunFault> {
    let count = reader.count()?;
    ensure(count <= MAX_ENTRIES, "a list of the dictionary is too long")?;
    (0..count).map(|_| read(reader)).collect()
}

/// A caller of an entry, as a key.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct CallerKey<'a> {
    kind: &'static str,
    id: Option<&'a str>,
    name: &'a str,
    address: Option<&'a str>,
    user_agent: Option<&'a str>,
}

impl<'a> CallerKey<'a> {
    pub(crate) fn new(entry: &'a Entry) -> Self {
        Self {
            kind: entry.actor.kind.name(),
            id: entry.actor.id.as_deref(),
            name: &entry.actor.name,
            address: entry.origin.source_address.as_deref(),
            user_agent: entry.origin.user_agent.as_deref(),
        }
    }

    fn put(&self, content: &mut Content) {
        let plain = &mut content.plain;
        plain.push(KINDS.iter().position(|kind| kind.name() == self.kind).unwrap_or(0) as u8);
        match (self.id, self.id.and_then(parse)) {
            (Some(_), Some((prefix, ulid))) => {
                plain.push(2);
                put_text(plain, prefix);
                plain.extend_from_slice(&time_bytes(ulid));
                content.random.extend_from_slice(&random_bytes(ulid.random()));
            }
            (Some(text), None) => {
                plain.push(1);
                put_text(plain, text);
            }
            (None, _) => plain.push(0),
        }
        put_text(plain, self.name);
        put_optional_text(plain, self.address);
        put_optional_text(plain, self.user_agent);
    }
}

fn read_caller(plain: &mut Reader<'_>, random: &mut Reader<'_>) -> Result<Caller, RunFault> {
    let kind = *KINDS.get(usize::from(plain.byte()?)).ok_or_else(|| RunFault::new("an actor has no such kind"))?;
    let id = match plain.byte()? {
        0 => None,
        1 => Some(plain.text()?.into()),
        2 => {
            let prefix = plain.text()?;
            Some(render(prefix, from_parts(plain.array()?, random.array()?)).into())
        }
        _ => return Err(RunFault::new("an actor has no such form of an identifier")),
    };
    Ok(Caller {
        kind,
        id,
        name: plain.text()?.into(),
        address: plain.optional_text()?.map(str::to_owned),
        user_agent: plain.optional_text()?.map(str::to_owned),
    })
}

/// A call of an entry, as a key.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct CallKey<'a> {
    action: &'a str,
    method: Option<&'a str>,
    route: Option<&'a str>,
    status: Option<u16>,
    subject: SubjectKey<'a>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum SubjectKey<'a> {
    None,
    Text(&'a str),
    Identifier(&'a str, &'a str),
}

/// The identifier of a subject.
#[derive(Clone, Copy)]
pub(crate) enum SubjectId<'a> {
    Text(&'a str),
    Ulid(Ulid),
}

impl<'a> CallKey<'a> {
    /// Returns the call of an entry, and the identifier of its subject.
    pub(crate) fn new(entry: &'a Entry) -> (Self, Option<SubjectId<'a>>) {
        let (subject, id) = match &entry.subject {
            None => (SubjectKey::None, None),
            Some(subject) => match parse(&subject.id) {
                Some((prefix, ulid)) => (SubjectKey::Identifier(&subject.kind, prefix), Some(SubjectId::Ulid(ulid))),
                None => (SubjectKey::Text(&subject.kind), Some(SubjectId::Text(&subject.id))),
            },
        };
        let key = Self {
            action: entry.action.as_str(),
            method: entry.origin.method.as_deref(),
            route: entry.origin.route.as_deref(),
            status: entry.status,
            subject,
        };
        (key, id)
    }

    fn put(&self, content: &mut Content) {
        let plain = &mut content.plain;
        put_text(plain, self.action);
        put_optional_text(plain, self.method);
        put_optional_text(plain, self.route);
        put_varint(plain, self.status.map_or(0, |status| u64::from(status) + 1));
        match self.subject {
            SubjectKey::None => plain.push(0),
            SubjectKey::Text(kind) => {
                plain.push(1);
                put_text(plain, kind);
            }
            SubjectKey::Identifier(kind, prefix) => {
                plain.push(2);
                put_text(plain, kind);
                put_text(plain, prefix);
            }
        }
    }
}

fn read_call(plain: &mut Reader<'_>) -> Result<Call, RunFault> {
    let action = Action(Cow::Owned(plain.text()?.to_owned()));
    let method = plain.optional_text()?.map(|method| static_or_owned(METHODS, method));
    let route = plain.optional_text()?.map(|route| Cow::Owned(route.to_owned()));
    let status = plain.varint()?.checked_sub(1).map(u16::try_from).transpose();
    let status = status.map_err(|_| RunFault::new("a status is too large"))?;
    let kind = |plain: &mut Reader<'_>| {
        plain.text().map(|kind| static_or_owned(Kind::ALL.iter().map(|kind| kind.name()), kind))
    };
    let subject = match plain.byte()? {
        0 => SubjectForm::None,
        1 => SubjectForm::Text(kind(plain)?),
        2 => SubjectForm::Identifier(kind(plain)?, plain.text()?.to_owned()),
        _ => return Err(RunFault::new("a subject has no such form")),
    };
    Ok(Call { action, method, route, status, subject })
}

/// Borrows a text that the program has anyway, so that entries need not copy it.
fn static_or_owned(texts: impl IntoIterator<Item = &'static str>, text: &str) -> Cow<'static, str> {
    let found = texts.into_iter().find(|candidate| *candidate == text);
    found.map_or_else(|| Cow::Owned(text.to_owned()), Cow::Borrowed)
}

/// Writes subjects in ascending order, and returns what subjects of blocks may be near to.
fn put_subjects(content: &mut Content, subjects: &[Ulid]) -> Neighbours {
    put_varint(&mut content.plain, subjects.len() as u64);
    let (mut neighbours, mut columns, mut whole) = (Neighbours::of_subjects(), RandomColumns::default(), Vec::new());
    subjects.iter().for_each(|subject| columns.push(&mut neighbours, *subject, &mut whole));
    let mut before = 0;
    let steps = subjects.iter().map(|subject| {
        let millis = subject.timestamp_ms();
        millis - std::mem::replace(&mut before, millis)
    });
    put_column(content, &steps.collect::<Vec<_>>());
    columns.put(content);
    content.random.append(&mut whole);
    neighbours
}

fn read_subjects(
    plain: &mut Reader<'_>,
    random: &mut Reader<'_>,
    neighbours: &mut Neighbours,
) -> Result<Vec<Ulid>, RunFault> {
    let count = plain.varint()?;
    ensure(count <= MAX_ENTRIES as u64, "the dictionary has too many subjects")?;
    let steps = read_column(plain, random, count as usize)?;
    let mut columns = RandomColumns::read(plain, random, count as usize)?;
    let mut millis = 0_u64;
    let next = |step: u64| {
        millis = millis.wrapping_add(step);
        columns.next(neighbours, millis, random)
    };
    steps.into_iter().map(next).collect()
}
