//! The time that this machine has run for, which no change of its clock affects.

use std::{
    fmt,
    str::FromStr,
    sync::{Arc, Weak},
    time::Duration,
};

use kernel::{Clock, Timestamp};
use store_sql::Database;
use tokio::time::{MissedTickBehavior, interval};

/// Interval of storing an anchor. The clock may run faster or slower than the uptime by milliseconds meanwhile.
const ANCHOR_INTERVAL: Duration = Duration::from_secs(60);

/// A time that a server believed, with the uptime of its machine at that moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UptimeAnchor {
    time: Timestamp,
    uptime: Uptime,
}

/// The time since the machine was started, with the time for which it was suspended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Uptime {
    /// The identifier that the kernel chose when it was started.
    boot: String,
    elapsed: Duration,
}

impl Uptime {
    /// Returns the uptime, or `None` if the operating system does not tell it.
    #[cfg(target_os = "linux")]
    pub(super) fn now() -> Option<Self> {
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?.trim().to_owned();
        let elapsed = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        let (seconds, nanos) = (u64::try_from(elapsed.tv_sec).ok()?, u32::try_from(elapsed.tv_nsec).ok()?);
        (!boot.is_empty()).then_some(Self { boot, elapsed: Duration::new(seconds, nanos) })
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn now() -> Option<Self> {
        None
    }
}

impl UptimeAnchor {
    pub(super) fn new(time: Timestamp, uptime: Uptime) -> Self {
        Self { time, uptime }
    }

    /// Returns the time at this uptime, or `None` if it is that of another machine or after another start.
    pub(super) fn time_at(&self, uptime: &Uptime) -> Option<Timestamp> {
        let elapsed = uptime.elapsed.checked_sub(self.uptime.elapsed)?;
        (uptime.boot == self.uptime.boot).then(|| self.time + elapsed)
    }
}

impl fmt::Display for UptimeAnchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { time, uptime: Uptime { boot, elapsed } } = self;
        write!(f, "{} {} {boot}", time.millis(), elapsed.as_millis())
    }
}

/// The text is not an anchor. It may be one of another version of the program.
#[derive(Debug)]
pub(super) struct MalformedAnchor;

impl FromStr for UptimeAnchor {
    type Err = MalformedAnchor;

    fn from_str(text: &str) -> Result<Self, MalformedAnchor> {
        let mut parts = text.splitn(3, ' ');
        let mut next = || parts.next().ok_or(MalformedAnchor);
        let time = Timestamp::from_millis(next()?.parse().map_err(|_| MalformedAnchor)?);
        let elapsed = Duration::from_millis(next()?.parse().map_err(|_| MalformedAnchor)?);
        Ok(Self { time, uptime: Uptime { boot: next()?.to_owned(), elapsed } })
    }
}

/// Stores an anchor now and every minute until the clock is dropped, so that a process that starts can compare the clock
/// with the uptime.
pub(crate) fn spawn_anchors(clock: &Arc<dyn Clock>, database: &Database) {
    tokio::spawn(store_anchors(Arc::downgrade(clock), database.clone()));
}

async fn store_anchors(clock: Weak<dyn Clock>, database: Database) {
    let mut ticks = interval(ANCHOR_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(now) = clock.upgrade().map(|clock| clock.now()) else { return };
        let Some(uptime) = Uptime::now() else { return };
        if let Err(error) = database.store_clock_anchor(UptimeAnchor::new(now, uptime).to_string()).await {
            tracing::debug!(%error, "can't store the time with the uptime of this machine; trying again in 60 s");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: Timestamp = Timestamp::from_millis(1_779_718_113_000);

    fn uptime(boot: &str, seconds: u64) -> Uptime {
        Uptime { boot: boot.to_owned(), elapsed: Duration::from_secs(seconds) }
    }

    #[test]
    fn the_time_follows_from_an_anchor_only_on_the_same_machine_since_the_same_start() {
        let anchor: UptimeAnchor = UptimeAnchor::new(TIME, uptime("a", 100)).to_string().parse().unwrap();
        assert_eq!(anchor.time_at(&uptime("a", 160)), Some(TIME + Duration::from_secs(60)));
        assert_eq!(anchor.time_at(&uptime("b", 160)), None);
        assert_eq!(anchor.time_at(&uptime("a", 99)), None);
    }

    #[test]
    fn a_text_of_another_form_is_no_anchor() {
        for text in ["", "1", "1 2", "x 2 boot", "1 -2 boot"] {
            assert!(text.parse::<UptimeAnchor>().is_err(), "{text:?}");
        }
    }
}
