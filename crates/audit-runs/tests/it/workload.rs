//! Entries like those of a server, from a generator that always makes the same ones.

use std::{collections::HashMap, sync::LazyLock};

use audit_runs::MAX_ENTRIES;
use kernel::{Action, Actor, ActorKind, Change, Entry, FieldValue, Id, Origin, Reason, Subject, Timestamp};
use ulid::Ulid;

use crate::entries::organization;

/// SplitMix64.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

/// Calls of one organization.
pub(crate) struct Workload {
    numbers: Numbers,
    /// The last identifier of each millisecond, since a server counts up within one.
    last: HashMap<u64, Ulid>,
    micros: u64,
    /// The mean time between two calls of this organization, and of all, in microseconds.
    own_gap: u64,
    any_gap: u64,
    writes_in_100: u64,
    accounts: Vec<Actor>,
    records: Vec<String>,
}

impl Workload {
    fn new(seed: u64, (own_gap, any_gap): (u64, u64), writes_in_100: u64, accounts: u64, records: u64) -> Self {
        let mut workload = Self {
            numbers: Numbers(seed),
            last: HashMap::new(),
            micros: 1_700_000_000_000_000,
            own_gap,
            any_gap,
            writes_in_100,
            accounts: Vec::new(),
            records: Vec::new(),
        };
        for number in 0..accounts {
            let at = workload.micros / 1_000 - workload.numbers.below(1 << 34);
            let id = format!("svc_{}", workload.ulid(at).to_string());
            let name = format!("Scanner {number}");
            workload.accounts.push(Actor { kind: ActorKind::ServiceAccount, id: Some(id.into()), name: name.into() });
        }
        for _ in 0..records {
            // They were created within the year before, one by one.
            let at = workload.micros / 1_000 - workload.numbers.below(31_536_000_000);
            let id = format!("find_{}", workload.ulid(at).to_string());
            workload.records.push(id);
        }
        workload
    }

    /// Reads of a single organization by few accounts, 2,000 a second.
    pub(crate) fn reads(seed: u64) -> Self {
        Self::new(seed, (500, 500), 0, 4, 40_000)
    }

    /// Reads and writes of one organization of forty, 50 a second of 2,000.
    pub(crate) fn mixed(seed: u64) -> Self {
        Self::new(seed, (20_000, 500), 8, 120, 40_000)
    }

    fn ulid(&mut self, millis: u64) -> Ulid {
        let random = u128::from(self.numbers.next() >> 1) << 16 | u128::from(self.numbers.next() & 0xffff);
        let fresh = Ulid::from_parts(millis, random);
        let next = self.last.get(&millis).map_or(fresh, |last| last.increment().unwrap_or(fresh));
        self.last.insert(millis, next);
        next
    }

    pub(crate) fn take(&mut self, count: usize) -> Vec<Entry> {
        let mut entries: Vec<Entry> = (0..count).map(|_| self.entry()).collect();
        entries.sort_by_key(|entry| entry.id);
        entries
    }

    fn entry(&mut self) -> Entry {
        let own_gap = self.own_gap;
        self.micros += self.numbers.below(2 * own_gap);
        let request_at = self.micros / 1_000;
        // Calls of other organizations take identifiers, too.
        if self.any_gap < self.own_gap && self.numbers.below(2) == 0 {
            self.ulid(request_at);
        }
        let request = self.ulid(request_at);
        let at = (self.micros + 150 + self.numbers.below(500)) / 1_000;
        let id = self.ulid(at);
        let accounts = self.accounts.len() as u64;
        let account = self.numbers.below(accounts) as usize;
        let subject = self.numbers.below(self.records.len() as u64) as usize;
        let is_write = self.numbers.below(100) < self.writes_in_100;
        let choice = if self.writes_in_100 == 0 { 9 } else { self.numbers.below(10) };
        let (action, method, route, has_subject) = match (is_write, choice) {
            (true, _) => ("finding.updated", "PATCH", "/api/v1/findings/{finding_id}", true),
            (false, 0..3) => ("finding.listed", "GET", "/api/v1/findings", false),
            (false, 3) => ("evidence.listed", "GET", "/api/v1/evidence", false),
            (false, _) => ("finding.viewed", "GET", "/api/v1/findings/{finding_id}", true),
        };
        let refused = self.writes_in_100 > 0 && self.numbers.below(50) == 0;
        Entry {
            id: Id::new(id),
            organization: organization(),
            occurred_at: Timestamp::from_millis(at as i64),
            wall_clock: None,
            actor: self.accounts[account].clone(),
            action: Action::new(action),
            subject: has_subject.then(|| Subject { kind: "finding".into(), id: self.records[subject].clone() }),
            reason: is_write.then(|| Reason::trusted("found again by the weekly scan")),
            changes: if is_write { self.changes(at) } else { Vec::new() },
            origin: Origin {
                request_id: Id::new(request),
                method: Some(method.into()),
                route: Some(route.into()),
                source_address: Some(format!("10.20.{}.{}", account / 50, account % 50 * 5)),
                user_agent: Some(format!("scanner/{}.4 (linux; x86_64)", account % 7)),
            },
            status: if is_write { None } else { Some(if refused { 404 } else { 200 }) },
        }
    }

    fn changes(&mut self, at: u64) -> Vec<Change> {
        let states = ["open", "in_progress", "resolved", "accepted"];
        let text = |text: &str| FieldValue::Text(text.to_owned());
        let state = self.numbers.below(4) as usize;
        let due_at = Timestamp::from_millis((at + self.numbers.below(1 << 31)) as i64).to_string();
        vec![
            Change { field: "status".into(), before: text(states[state]), after: text(states[(state + 1) % 4]) },
            Change { field: "due_at".into(), before: FieldValue::Null, after: text(&due_at) },
            Change {
                field: "title".into(),
                before: text(&format!("Host {} accepts TLS 1.0", self.numbers.below(1 << 20))),
                after: text(&format!("Host {} accepts TLS 1.1", self.numbers.below(1 << 20))),
            },
        ]
    }
}

pub(crate) fn reads(count: usize) -> Vec<Entry> {
    static ENTRIES: LazyLock<Vec<Entry>> = LazyLock::new(|| Workload::reads(1).take(MAX_ENTRIES));
    ENTRIES[..count].to_vec()
}

pub(crate) fn mixed(count: usize) -> Vec<Entry> {
    static ENTRIES: LazyLock<Vec<Entry>> = LazyLock::new(|| Workload::mixed(2).take(MAX_ENTRIES));
    ENTRIES[..count].to_vec()
}
