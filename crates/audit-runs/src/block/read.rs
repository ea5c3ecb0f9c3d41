//! Reading a block.

use audit::Hash;
use kernel::{Actor, Entry, Id, OrganizationId, Origin, Reason, Subject, Timestamp, Ulid};

use super::RunEntry;
use crate::{
    bytes::{Reader, from_zigzag},
    changes::ChangeReader,
    columns::read_column,
    dictionary::{Call, Caller, Dictionary, SubjectForm},
    fault::{RunFault, ensure},
    frame::Content,
    identifier::render,
    neighbours::{Neighbours, RandomColumns},
};

/// The times of ULIDs have 48 bits.
const MAX_MILLIS: i64 = (1 << 48) - 1;

/// Reads a block of so many entries and stubs.
pub(crate) fn read_block(
    dictionary: &Dictionary,
    organization: OrganizationId,
    content: &Content,
    count: usize,
    has_stubs: bool,
) -> Result<Vec<RunEntry>, RunFault> {
    let (mut plain, mut random) = (Reader::new(&content.plain), Reader::new(&content.random));
    let mut texts = plain.section()?;
    let is_stub = if has_stubs { read_column(&mut plain, &mut random, count)? } else { vec![0; count] };
    let identities = read_identities(&mut plain, &mut random, &is_stub)?;
    let entries = is_stub.iter().filter(|flag| **flag == 0).count();
    let occurred = read_column(&mut plain, &mut random, entries)?;
    let wall_clocks = read_column(&mut plain, &mut random, entries)?;
    let callers = pick(&dictionary.callers, &read_column(&mut plain, &mut random, entries)?)?;
    let calls = pick(&dictionary.calls, &read_column(&mut plain, &mut random, entries)?)?;
    let mut subjects = read_subjects(dictionary, &calls, &mut plain, &mut random, &mut texts)?.into_iter();
    let reasons = read_column(&mut plain, &mut random, entries)?;
    let mut resolve =
        |reason: &u64| reason.checked_sub(1).map(|text| dictionary.texts.resolve(text, &mut texts)).transpose();
    let reasons: Vec<Option<&str>> = reasons.iter().map(&mut resolve).collect::<Result<_, _>>()?;
    let change_counts = read_column(&mut plain, &mut random, entries)?;
    let mut changes = ChangeReader { dictionary: &dictionary.texts, texts, plain, random };

    let mut read = Vec::with_capacity(count);
    let mut index = 0;
    for Identity { id, rest } in identities {
        let request_id = match rest {
            Rest::Entry(request) => Id::new(request),
            Rest::Stub(hash) => {
                read.push(RunEntry::Stub { id: Id::new(id), hash });
                continue;
            }
        };
        let (caller, call): (&Caller, &Call) = (callers[index], calls[index]);
        let occurred_at = shifted(id.timestamp_ms() as i64, from_zigzag(occurred[index]));
        let wall_clock = wall_clocks[index].checked_sub(1);
        read.push(RunEntry::Entry(Entry {
            id: Id::new(id),
            organization,
            occurred_at,
            wall_clock: wall_clock.map(|difference| shifted(occurred_at.millis(), from_zigzag(difference))),
            actor: Actor { kind: caller.kind, id: caller.id.clone(), name: caller.name.clone() },
            action: call.action.clone(),
            subject: if matches!(call.subject, SubjectForm::None) { None } else { subjects.next() },
            reason: reasons[index].map(Reason::trusted),
            changes: changes.read(change_counts[index])?,
            origin: Origin {
                request_id,
                method: call.method.clone(),
                route: call.route.clone(),
                source_address: caller.address.clone(),
                user_agent: caller.user_agent.clone(),
            },
            status: call.status,
        }));
        index += 1;
    }
    changes.finish()?;
    Ok(read)
}

fn shifted(millis: i64, difference: i64) -> Timestamp {
    Timestamp::from_millis(millis.saturating_add(difference))
}

fn pick<'d, T>(items: &'d [T], numbers: &[u64]) -> Result<Vec<&'d T>, RunFault> {
    numbers.iter().map(|number| item(items, *number)).collect()
}

fn item<T>(items: &[T], number: u64) -> Result<&T, RunFault> {
    let found = usize::try_from(number).ok().and_then(|number| items.get(number));
    found.ok_or_else(|| RunFault::new("a number is not in the dictionary"))
}

struct Identity {
    id: Ulid,
    rest: Rest,
}

enum Rest {
    /// The ULID of the request.
    Entry(Ulid),
    Stub(Hash),
}

fn read_identities(
    plain: &mut Reader<'_>,
    random: &mut Reader<'_>,
    is_stub: &[u64],
) -> Result<Vec<Identity>, RunFault> {
    let entries = is_stub.iter().filter(|flag| **flag == 0).count();
    let steps = read_column(plain, random, is_stub.len())?;
    let mut ids = RandomColumns::read(plain, random, is_stub.len())?;
    let mut request_steps = read_column(plain, random, entries)?.into_iter();
    let mut requests = RandomColumns::read(plain, random, entries)?;
    let mut neighbours = Neighbours::of_calls();
    let mut millis = 0;
    let mut identities = Vec::with_capacity(is_stub.len());
    for (step, flag) in steps.into_iter().zip(is_stub) {
        millis = ulid_time(millis, from_zigzag(step))?;
        let rest = if *flag == 0 {
            // A request comes before its entry.
            let request = ulid_time(millis, from_zigzag(request_steps.next().unwrap_or(0)).wrapping_neg())?;
            Rest::Entry(requests.next(&mut neighbours, request as u64, random)?)
        } else {
            Rest::Stub(Hash(random.array()?))
        };
        identities.push(Identity { id: ids.next(&mut neighbours, millis as u64, random)?, rest });
    }
    Ok(identities)
}

fn ulid_time(millis: i64, difference: i64) -> Result<i64, RunFault> {
    let time = millis.checked_add(difference).filter(|time| (0..=MAX_MILLIS).contains(time));
    time.ok_or_else(|| RunFault::new("the time of an identifier is out of range"))
}

/// Reads the subjects of the entries whose calls have one.
fn read_subjects<'d>(
    dictionary: &'d Dictionary,
    calls: &[&Call],
    plain: &mut Reader<'_>,
    random: &mut Reader<'_>,
    texts: &mut Reader<'d>,
) -> Result<Vec<Subject>, RunFault> {
    let forms: Vec<&SubjectForm> =
        calls.iter().map(|call| &call.subject).filter(|form| !matches!(form, SubjectForm::None)).collect();
    let references = read_column(plain, random, forms.len())?;
    let is_own =
        |(form, reference): &(&&SubjectForm, &u64)| **reference == 0 && matches!(form, SubjectForm::Identifier(..));
    let own = forms.iter().zip(&references).filter(is_own).count();
    let mut millis = read_column(plain, random, own)?.into_iter();
    let mut randoms = RandomColumns::read(plain, random, own)?;
    let mut neighbours = dictionary.neighbours.clone();
    let mut subjects = Vec::with_capacity(forms.len());
    for (form, reference) in forms.into_iter().zip(references) {
        subjects.push(match form {
            SubjectForm::None => continue,
            SubjectForm::Text(kind) => {
                Subject { kind: kind.clone(), id: dictionary.texts.resolve(reference, texts)?.to_owned() }
            }
            SubjectForm::Identifier(kind, prefix) => {
                let ulid = if let Some(number) = reference.checked_sub(1) {
                    *item(&dictionary.subjects, number)?
                } else {
                    let millis = millis.next().unwrap_or(0);
                    ensure(millis <= MAX_MILLIS as u64, "the time of an identifier is out of range")?;
                    randoms.next(&mut neighbours, millis, random)?
                };
                Subject { kind: kind.clone(), id: render(prefix, ulid) }
            }
        });
    }
    Ok(subjects)
}
