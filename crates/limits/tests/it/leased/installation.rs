//! Several servers over the same buckets.

use std::sync::Arc;

use novantra_limits::{LeasedLimits, MemoryLimits};
use proptest::{collection::vec, prelude::*};

use super::support::{CountingBuckets, NOW, charge, later, organization, passes, read, return_unused, server};

/// Calls of one caller, evenly distributed over a period.
#[derive(Clone, Copy, Debug)]
struct Phase {
    millis: i64,
    per_minute: i64,
    /// The number of servers that the calls go to, in turn.
    servers: usize,
}

/// The calls that a run has allowed.
struct AllowedCalls {
    times: Vec<i64>,
    /// The number of calls that a single server would have allowed.
    single_server: usize,
}

/// Servers that return unused calls once a second, each at its own time.
struct Installation {
    servers: Vec<LeasedLimits>,
    returned_at: Vec<i64>,
}

impl Installation {
    fn new(servers: usize) -> Self {
        let shared = Arc::<CountingBuckets>::default();
        let offset = |server: usize| server as i64 * 1000 / servers as i64;
        let returned_at = (0..servers).map(offset).collect();
        Self { servers: (0..servers).map(|_| server(&shared)).collect(), returned_at }
    }

    fn tick(&mut self, at: i64) {
        for (server, due) in self.servers.iter().zip(&mut self.returned_at) {
            while *due + 1000 <= at {
                *due += 1000;
                return_unused(server, later(*due));
            }
        }
    }
}

fn run(servers: usize, limit: u32, phases: &[Phase]) -> AllowedCalls {
    let mut installation = Installation::new(servers);
    let single = MemoryLimits::default();
    let mut passed = AllowedCalls { times: Vec::new(), single_server: 0 };
    let mut start = 0;
    let mut call = 0;
    for phase in phases {
        let calls = phase.per_minute * phase.millis / 60_000;
        for number in 0..calls {
            let at = start + phase.millis * number / calls;
            installation.tick(at);
            let server = &installation.servers[call % phase.servers.min(servers)];
            call += 1;
            if passes(server, &[read(1, limit)], later(at)) {
                passed.times.push(at);
            }
            passed.single_server += usize::from(passes(&single, &[read(1, limit)], later(at)));
        }
        start += phase.millis;
    }
    passed
}

impl AllowedCalls {
    /// The maximum number of calls, over periods of any length, that exceed the quota and its refill in the period.
    fn excess(&self, limit: u32) -> f64 {
        let per_milli = f64::from(limit) / 60_000.0;
        let (mut level, mut last, mut worst) = (0.0_f64, 0, 0.0_f64);
        for time in &self.times {
            level = (level - (time - last) as f64 * per_milli).max(0.0) + 1.0;
            last = *time;
            worst = worst.max(level);
        }
        worst - f64::from(limit)
    }
}

fn any_phase() -> impl Strategy<Value = Phase> {
    (500_i64..20_000, 1_i64..20_000, 1_usize..=24).prop_map(|(millis, per_minute, servers)| Phase {
        millis,
        per_minute,
        servers,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn allowed_calls_are_within_a_tenth_of_the_limit_for_any_callers_and_servers(
        servers in 1_usize..=24,
        limit in prop_oneof![Just(6_u32), Just(60), Just(600), Just(3000), Just(10_000)],
        phases in vec(any_phase(), 1..12),
    ) {
        let passed = run(servers, limit, &phases);
        let tenth = f64::from(limit) / 10.0;
        let excess = passed.excess(limit);
        prop_assert!(excess <= tenth.max(1.0), "{} calls more than the limit of {}", excess, limit);
        let missing = passed.single_server as f64 - passed.times.len() as f64;
        prop_assert!(missing <= tenth.max(1.0), "{} fewer than the {} calls of a single server", missing, passed.single_server);
    }
}

#[test]
fn a_caller_at_the_limit_over_twenty_servers_gets_at_least_nine_tenths_of_it() {
    for limit in [60, 600, 3000, 20_000] {
        for times in [1, 3] {
            let phase = Phase { millis: 90_000, per_minute: i64::from(limit) * times, servers: 20 };
            let passed = run(20, limit, &[phase]);
            let exact = passed.single_server as f64;
            let share = passed.times.len() as f64 / exact;
            assert!((0.9..=1.1).contains(&share), "{share} of {limit} per minute at {times} times the limit");
        }
    }
}

#[test]
fn a_burst_of_the_whole_quota_over_twenty_servers_is_allowed() {
    for limit in [60_u32, 600, 3000] {
        let installation = Installation::new(20);
        let mut in_turn = installation.servers.iter().cycle();
        let calls = (0..limit * 2).filter(|_| passes(in_turn.next().unwrap(), &[read(1, limit)], NOW)).count();
        let share = calls as f64 / f64::from(limit);
        assert!((0.9..=1.0).contains(&share), "{share} of {limit}");
    }
}

#[test]
fn a_small_quota_is_shared_exactly() {
    let installation = Installation::new(20);
    let charges = [read(1, 7), organization(600)];
    let allowed = |at| installation.servers.iter().filter(|server| passes(*server, &charges, later(at))).count();
    assert_eq!(allowed(0), 7);
    assert_eq!(allowed(100), 0);
    assert_eq!(allowed(60_001 + 100), 7);
}

#[test]
fn refused_calls_are_not_charged_to_the_organization() {
    let mut installation = Installation::new(20);
    for at in (0..10_000).step_by(10) {
        installation.tick(at);
        for server in &installation.servers {
            charge(server, &[read(1, 1), organization(60)], later(at));
        }
    }
    let others = (0..200).filter(|call| {
        let server = &installation.servers[call % 20];
        passes(server, &[read(2, 600), organization(60)], later(10_000))
    });
    assert_eq!(others.count(), 60, "the one call of the other account has refilled long ago");
}

#[test]
fn a_server_without_calls_returns_its_unused_calls() {
    let mut installation = Installation::new(20);
    // Each server handles ten thousand calls per minute; after that only the first one handles any.
    for at in 0..1000 {
        for server in installation.servers.iter().take(if at % 6 == 0 { 20 } else { 0 }) {
            passes(server, &[read(1, 60_000)], later(at));
        }
    }
    installation.tick(3000);
    let first = &installation.servers[0];
    let calls = (0..100_000).filter(|_| passes(first, &[read(1, 60_000)], later(3000))).count();
    assert!((58_000..=60_000).contains(&calls), "{calls} of 60,000 calls were available");
}
