//! The evidence for and against the clock when a process starts.
//!
//! A process that starts has not seen its clock run, so it can't tell a clock that jumped ahead from an installation that
//! was out of use. What else shows the time decides.

use std::time::Duration;

use kernel::{StoreError, Timestamp};
use store_sql::{ClockEvidence, Database, MAX_PAUSE};
use tokio::time::{Instant, sleep};

use super::{
    MAX_JUMP,
    uptime::{Uptime, UptimeAnchor},
};

/// The maximum time to wait for another process to show that it runs. One that does renews its registration every
/// second, but a database clock that has just jumped makes all registrations look expired.
const RENEWAL_TIMEOUT: Duration = Duration::from_secs(3);

/// Interval of looking for that.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// The times that a process which starts can compare its clock with.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    /// The latest time that clients may have been told.
    ceiling: Option<Timestamp>,
    /// The time that the running processes of the installation use.
    processes: Option<Timestamp>,
    /// The time by a server's last anchor and the uptime of this machine.
    uptime: Option<Timestamp>,
    /// The clock of this machine, if the clock in question is another one.
    machine: Option<Timestamp>,
}

/// Evidence that a clock is ahead.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Objection {
    /// The time by the evidence.
    pub(super) time: Timestamp,
    /// The description of the evidence, to follow "by".
    pub(super) witness: &'static str,
}

impl Evidence {
    /// Collects the evidence about the clock that shows `reading`. `machine` is the clock of this machine, if that is
    /// another one.
    ///
    /// # Errors
    /// If the database can't be reached.
    pub(super) async fn collect(
        database: &Database,
        reading: Timestamp,
        machine: Option<Timestamp>,
    ) -> Result<Self, StoreError> {
        let deadline = Instant::now() + RENEWAL_TIMEOUT;
        let mut stored = database.clock_evidence().await?;
        while is_ahead(reading, stored.ceiling)
            && stored.has_processes
            && stored.processes_time.is_none()
            && Instant::now() < deadline
        {
            sleep(POLL_INTERVAL).await;
            stored = database.clock_evidence().await?;
        }
        let ClockEvidence { ceiling, processes_time, anchor, .. } = stored;
        let anchor: Option<UptimeAnchor> = anchor.and_then(|text| text.parse().ok());
        let uptime = anchor.and_then(|anchor| anchor.time_at(&Uptime::now()?));
        Ok(Self { ceiling, processes: processes_time, uptime, machine })
    }

    /// Returns the evidence against a clock that shows `reading`: the strongest that there is, if it shows an earlier
    /// time. A clock that is ahead by more than an installation is plausibly out of use needs no evidence: it is refused
    /// later.
    pub(super) fn objection(&self, reading: Timestamp) -> Option<Objection> {
        let Self { ceiling, processes, uptime, machine } = *self;
        if !is_ahead(reading, ceiling) || ceiling.is_some_and(|ceiling| reading > ceiling + MAX_PAUSE) {
            return None;
        }
        // What is behind the time that clients were told is wrong itself: the clock of this machine, or a time that a
        // server believed before that clock was put right.
        let is_plausible = |time: &Timestamp| !is_ahead(ceiling.unwrap_or(Timestamp::MIN), Some(*time));
        let (machine, uptime) = (machine.filter(is_plausible), uptime.filter(is_plausible));
        let (time, witness) = processes
            .map(|time| (time, "the processes of the installation that run already"))
            .or_else(|| {
                uptime.map(|time| (time, "the time that this machine has run for since a server was last seen"))
            })
            .or_else(|| machine.map(|time| (time, "the clock of this machine")))?;
        let time = ceiling.map_or(time, |ceiling| time.max(ceiling));
        is_ahead(reading, Some(time)).then_some(Objection { time, witness })
    }
}

/// Whether the clock is further ahead of a time than it may jump at once. It is if there is no such time.
fn is_ahead(reading: Timestamp, time: Option<Timestamp>) -> bool {
    time.is_none_or(|time| reading > time + MAX_JUMP)
}

impl Objection {
    /// Logs the time that is used instead of that of the clock.
    pub(super) fn log(&self, reading: Timestamp, confirmation: Duration) {
        let Self { time, witness } = self;
        tracing::error!(
            "the clock says {reading}, but by {witness} it is {time}: this process uses the latter, and the clock's time only \
             once that has lasted for {} min. Set the clock; or if it is right and you can't wait, stop all servers and run \
             `novantra clock reset`",
            confirmation.as_secs() / 60
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CEILING: Timestamp = Timestamp::from_millis(1_779_718_113_000);
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    fn ceiling_only() -> Evidence {
        Evidence { ceiling: Some(CEILING), ..Evidence::default() }
    }

    fn time_against(evidence: &Evidence, reading: Timestamp) -> Option<Timestamp> {
        evidence.objection(reading).map(|objection| objection.time)
    }

    #[test]
    fn after_a_pause_of_months_a_clock_is_believed_if_nothing_else_shows_the_time() {
        assert_eq!(ceiling_only().objection(CEILING + DAY * 200), None);
        assert_eq!(Evidence::default().objection(CEILING), None, "a new installation");
    }

    #[test]
    fn a_clock_that_no_running_process_shares_is_not_believed() {
        let running = Evidence { processes: Some(CEILING + DAY), uptime: Some(CEILING + DAY * 200), ..ceiling_only() };
        assert_eq!(time_against(&running, CEILING + DAY * 200), Some(CEILING + DAY));
        assert_eq!(running.objection(CEILING + DAY + MAX_JUMP), None);
        let never_listed = Evidence { ceiling: None, ..running };
        assert_eq!(time_against(&never_listed, CEILING + DAY * 200), Some(CEILING + DAY));
    }

    #[test]
    fn a_clock_that_is_ahead_of_the_uptime_is_not_believed() {
        let restarted = Evidence { uptime: Some(CEILING + DAY), machine: Some(CEILING + DAY * 200), ..ceiling_only() };
        assert_eq!(time_against(&restarted, CEILING + DAY * 200), Some(CEILING + DAY));
        assert_eq!(restarted.objection(CEILING + DAY), None);
    }

    #[test]
    fn the_databases_clock_is_not_believed_if_it_is_ahead_of_the_machines_unless_that_is_behind_the_ceiling() {
        let reading = CEILING + DAY * 200;
        assert_eq!(
            time_against(&Evidence { machine: Some(CEILING + DAY), ..ceiling_only() }, reading),
            Some(CEILING + DAY)
        );
        assert_eq!(Evidence { machine: Some(reading), ..ceiling_only() }.objection(reading), None);
        assert_eq!(Evidence { machine: Some(CEILING - DAY), ..ceiling_only() }.objection(reading), None);
    }

    #[test]
    fn a_time_by_the_uptime_that_is_behind_the_ceiling_is_no_evidence() {
        let corrected = Evidence { uptime: Some(CEILING - DAY * 365), ..ceiling_only() };
        assert_eq!(corrected.objection(CEILING + DAY), None, "the machine was started with a clock a year behind");
        let by_machine = Evidence { machine: Some(CEILING + DAY), ..corrected };
        assert_eq!(time_against(&by_machine, CEILING + DAY * 200), Some(CEILING + DAY));
    }

    #[test]
    fn a_time_at_the_ceiling_is_believed_whatever_else_shows_an_earlier_one() {
        let behind = Evidence {
            processes: Some(CEILING - DAY),
            uptime: Some(CEILING - DAY),
            machine: Some(CEILING - DAY),
            ..ceiling_only()
        };
        assert_eq!(behind.objection(CEILING + MAX_JUMP), None);
        assert_eq!(time_against(&behind, CEILING + DAY), Some(CEILING), "never before the ceiling");
    }

    #[test]
    fn a_clock_of_another_century_is_left_to_the_check_that_refuses_it() {
        let running = Evidence { processes: Some(CEILING), ..ceiling_only() };
        assert_eq!(running.objection(CEILING + MAX_PAUSE + DAY), None);
    }
}
