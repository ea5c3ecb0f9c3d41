//! CPU time by thread.

use std::{collections::BTreeMap, fs, time::Duration};

use crate::{
    failure::{Context, Outcome},
    servers::procfs::Stat,
};

/// The CPU time that a process has used since it started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    /// CPU time of the whole process, including threads that have ended.
    pub(crate) total: Duration,
    /// CPU time of live threads by name, without the number that distinguishes threads of one kind.
    pub(crate) threads: BTreeMap<String, Duration>,
}

impl Usage {
    pub(super) fn from_process(process: u32) -> Outcome<Self> {
        let file = format!("/proc/{process}/stat");
        let stat = Stat::parse(&fs::read_to_string(&file)?).context(|| format!("{file} has an unknown format"))?;
        let mut usage = Self { total: stat.cpu_time, threads: BTreeMap::new() };
        for thread in fs::read_dir(format!("/proc/{process}/task"))? {
            // A thread may end while it is read; its time is in the total.
            let Ok(text) = fs::read_to_string(thread?.path().join("stat")) else { continue };
            if let Some(Stat { name, cpu_time: spent, .. }) = Stat::parse(&text) {
                *usage.threads.entry(thread_kind(&name)).or_default() += spent;
            }
        }
        Ok(usage)
    }

    /// Returns the usage from `earlier` to this.
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        let threads = self.threads.iter().map(|(name, spent)| {
            let before = earlier.threads.get(name).copied().unwrap_or_default();
            (name.clone(), spent.saturating_sub(before))
        });
        Self { total: self.total.saturating_sub(earlier.total), threads: threads.collect() }
    }
}

/// Returns the CPU time of a process and of the processes it started, including those that have ended.
pub(super) fn cpu_time_of_tree(parent: u32) -> Outcome<Duration> {
    let own = format!("/proc/{parent}/stat");
    let own = Stat::parse(&fs::read_to_string(&own)?).context(|| format!("{own} has an unknown format"))?;
    let children = fs::read_dir("/proc")?
        .filter_map(|entry| fs::read_to_string(entry.ok()?.path().join("stat")).ok())
        .filter_map(|text| Stat::parse(&text))
        .filter(|stat| stat.parent == parent);
    Ok(own.cpu_time + own.cpu_time_of_children + children.map(|stat| stat.cpu_time).sum::<Duration>())
}

fn thread_kind(name: &str) -> String {
    name.trim_end_matches(|character: char| character.is_ascii_digit() || matches!(character, '-' | '_' | ' '))
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_of_one_kind_are_counted_together() {
        assert_eq!(thread_kind("tokio-rt-worker"), "tokio-rt-worker");
        assert_eq!(thread_kind("sqlite-reader-12"), "sqlite-reader");
        assert_eq!(thread_kind("worker 3"), "worker");
    }

    #[test]
    fn usage_since_a_point_in_time_includes_new_threads() {
        let usage = |total: u64, threads: &[(&str, u64)]| Usage {
            total: Duration::from_millis(total),
            threads: threads.iter().map(|(name, spent)| ((*name).to_owned(), Duration::from_millis(*spent))).collect(),
        };
        let used = usage(90, &[("a", 50), ("b", 30)]).since(&usage(40, &[("a", 20)]));
        assert_eq!(used, usage(50, &[("a", 30), ("b", 30)]));
    }

    #[test]
    fn the_usage_of_this_process_can_be_read() {
        let usage = Usage::from_process(std::process::id()).unwrap();
        assert!(!usage.threads.is_empty());
    }
}
