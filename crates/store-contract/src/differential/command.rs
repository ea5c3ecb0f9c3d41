//! Random commands to a store, with values from pools so small that the commands conflict.

use findings::{EventKind, Severity, SourceKind, Status};
use proptest::{
    bool::weighted,
    collection::vec,
    option,
    prelude::*,
    sample::{Index, select},
};
use registers::DefinitionStatus;
use submissions::{SubmissionEventKind, SubmissionPackageStatus};
use webhooks::SubscriptionStatus;

pub(super) const KEYS: &[&str] = &["a", "A", "b", "a%", "a_", "zz"];
pub(super) const SUBJECTS: &[&str] = &["a", "A", "é", "a b", "%"];
pub(super) const SLUGS: &[&str] = &["first", "second", "third"];
const OWNERS: &[&str] = &["one", "other"];

#[derive(Clone, Debug)]
pub(super) enum Command {
    Wait {
        millis: u64,
    },
    Commit(CommitCommand),
    Append {
        log: usize,
        full: bool,
    },
    Seal,
    ReplaceSealers,
    DeleteExpiredKeys {
        limit: usize,
    },
    AcquireLease {
        owner: &'static str,
        millis: u64,
    },
    ReleaseLease {
        owner: &'static str,
    },
    RecordLastUsed {
        account: Index,
    },
    AddFirstSigningKey,
    FanOut {
        limit: usize,
    },
    /// Makes an attempt at the due deliveries of one of the due partitions.
    Send {
        which: Index,
        limit: usize,
        succeeds: bool,
        suspend: bool,
    },
    Cancel {
        which: Index,
        limit: usize,
    },
    Prune {
        limit: usize,
    },
}

/// The contents of one changeset.
#[derive(Clone, Debug)]
pub(super) struct CommitCommand {
    pub(super) organization: usize,
    pub(super) drafts: Vec<Draft>,
    /// The idempotency key, the fingerprint, and after how many milliseconds the record expires.
    pub(super) idempotency: Option<(u8, u8, u64)>,
    /// The account version that the changeset acts for.
    pub(super) actor: Option<Index>,
    /// The finding version that the changeset requires to be unchanged.
    pub(super) precondition: Option<Index>,
    pub(super) extra_entries: usize,
}

/// One write: of a new record without a base version, otherwise of one of all versions there have been.
#[derive(Clone, Debug)]
pub(super) enum Draft {
    Organization { base: Index, slug: &'static str },
    Account { base: Option<Index>, name: &'static str, full: bool },
    Control { base: Option<Index>, key: &'static str, status: DefinitionStatus, full: bool },
    Finding(FindingDraft),
    Event { finding: Index, kind: EventKind },
    Subscription { base: Option<Index>, account: Index, slot: u8, status: SubscriptionStatus, full: bool },
    Package { base: Option<Index>, key: &'static str, requirement: u8, status: SubmissionPackageStatus },
    PackageEvent { package: Index, kind: SubmissionEventKind },
    Measurement { base: Option<Index>, indicator: u8, minute: u8 },
}

#[derive(Clone, Debug)]
pub(super) struct FindingDraft {
    pub(super) base: Option<Index>,
    pub(super) key: &'static str,
    pub(super) status: Status,
    pub(super) severity: Severity,
    pub(super) source: SourceKind,
    pub(super) subject: Option<&'static str>,
    pub(super) duplicate_of: Option<Index>,
    pub(super) published: bool,
}

pub(super) fn any_command() -> impl Strategy<Value = Command> {
    prop_oneof![
        12 => (0..5_u64).prop_map(|millis| Command::Wait { millis }),
        24 => any_commit().prop_map(Command::Commit),
        2 => (0..3_usize, any::<bool>()).prop_map(|(log, full)| Command::Append { log, full }),
        2 => Just(Command::Seal),
        1 => Just(Command::ReplaceSealers),
        1 => (0..3_usize).prop_map(|limit| Command::DeleteExpiredKeys { limit }),
        1 => (select(OWNERS), 1..9_u64).prop_map(|(owner, millis)| Command::AcquireLease { owner, millis }),
        1 => select(OWNERS).prop_map(|owner| Command::ReleaseLease { owner }),
        1 => any::<Index>().prop_map(|account| Command::RecordLastUsed { account }),
        1 => Just(Command::AddFirstSigningKey),
        3 => (0..4_usize).prop_map(|limit| Command::FanOut { limit }),
        3 => (any::<Index>(), 0..4_usize, any::<bool>(), weighted(0.2)).prop_map(|(which, limit, succeeds, suspend)| Command::Send { which, limit, succeeds, suspend }),
        1 => (any::<Index>(), 0..3_usize).prop_map(|(which, limit)| Command::Cancel { which, limit }),
        1 => (0..3_usize).prop_map(|limit| Command::Prune { limit }),
    ]
}

fn any_commit() -> impl Strategy<Value = CommitCommand> {
    (
        0..2_usize,
        vec(any_draft(), 0..4),
        option::weighted(0.3, (0..3_u8, 0..2_u8, 1..9_u64)),
        option::weighted(0.25, any::<Index>()),
        option::weighted(0.25, any::<Index>()),
        0..2_usize,
    )
        .prop_map(|(organization, drafts, idempotency, actor, precondition, extra_entries)| CommitCommand {
            organization,
            drafts,
            idempotency,
            actor,
            precondition,
            extra_entries,
        })
}

fn any_draft() -> impl Strategy<Value = Draft> {
    let optional_index = || option::of(any::<Index>());
    prop_oneof![
        1 => (any::<Index>(), select(SLUGS)).prop_map(|(base, slug)| Draft::Organization { base, slug }),
        3 => (option::weighted(0.75, any::<Index>()), select(KEYS), any::<bool>()).prop_map(|(base, name, full)| Draft::Account { base, name, full }),
        4 => (optional_index(), select(KEYS), select(DefinitionStatus::ALL), any::<bool>())
            .prop_map(|(base, key, status, full)| Draft::Control { base, key, status, full }),
        8 => any_finding().prop_map(Draft::Finding),
        2 => (any::<Index>(), select(EventKind::ALL)).prop_map(|(finding, kind)| Draft::Event { finding, kind }),
        4 => (optional_index(), any::<Index>(), 0..2_u8, select(SubscriptionStatus::ALL), weighted(0.2))
            .prop_map(|(base, account, slot, status, full)| Draft::Subscription { base, account, slot, status, full }),
        2 => (optional_index(), select(KEYS), 0..2_u8, select(SubmissionPackageStatus::ALL))
            .prop_map(|(base, key, requirement, status)| Draft::Package { base, key, requirement, status }),
        1 => (any::<Index>(), select(SubmissionEventKind::ALL)).prop_map(|(package, kind)| Draft::PackageEvent { package, kind }),
        2 => (optional_index(), 0..2_u8, 0..4_u8).prop_map(|(base, indicator, minute)| Draft::Measurement { base, indicator, minute }),
    ]
}

fn any_finding() -> impl Strategy<Value = FindingDraft> {
    (
        option::of(any::<Index>()),
        select(KEYS),
        select(Status::ALL),
        select(Severity::ALL),
        select(SourceKind::ALL),
        option::of(select(SUBJECTS)),
        option::weighted(0.2, any::<Index>()),
        any::<bool>(),
    )
        .prop_map(|(base, key, status, severity, source, subject, duplicate_of, published)| FindingDraft {
            base,
            key,
            status,
            severity,
            source,
            subject,
            duplicate_of,
            published,
        })
}
