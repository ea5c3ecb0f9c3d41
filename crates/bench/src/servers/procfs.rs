//! Parsers of the kernel's information about a process (proc(5)).

use std::time::Duration;

/// The unit of CPU times in `stat` is 1/100 s, independent of the kernel's own clock.
const TICKS_PER_SECOND: u64 = 100;

/// A process or a thread, from its `stat` file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stat {
    /// Its name: up to 15 arbitrary bytes.
    pub(super) name: String,
    /// CPU time, in user mode and in the kernel.
    pub(super) cpu_time: Duration,
    /// CPU time of children that have ended and were waited for.
    pub(super) cpu_time_of_children: Duration,
    /// The process that started it.
    pub(super) parent: u32,
}

impl Stat {
    pub(super) fn parse(text: &str) -> Option<Self> {
        // The name may contain spaces and parentheses, so it ends at the last parenthesis.
        let (name, rest) = text.split_once('(')?.1.rsplit_once(')')?;
        let mut fields = rest.split_ascii_whitespace().skip(1);
        let parent = fields.next()?.parse().ok()?;
        let ticks: Vec<u64> = fields.skip(9).take(4).map_while(|field| field.parse().ok()).collect();
        let [user, kernel, user_of_children, kernel_of_children] = ticks[..] else { return None };
        let time = |ticks: u64| Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND);
        let by_children = time(user_of_children + kernel_of_children);
        Some(Self { name: name.to_owned(), cpu_time: time(user + kernel), cpu_time_of_children: by_children, parent })
    }
}

/// Returns the resident memory in bytes, from `status`.
pub(super) fn resident(status: &str) -> Option<u64> {
    memory(status, "VmRSS:")
}

/// Returns the peak of the resident memory in bytes, from `status`.
pub(super) fn peak_resident(status: &str) -> Option<u64> {
    memory(status, "VmHWM:")
}

fn memory(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kibibytes| kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_parsed_after_a_name_with_spaces_and_parentheses() {
        let text =
            "4711 (a (b) c) S 1 4711 4711 0 -1 4194304 1009 0 3 0 250 75 40 10 20 0 9 0 88213 229031936 4242 0 0\n";
        let stat = Stat::parse(text).unwrap();
        let (spent, by_children) = (Duration::from_millis(3250), Duration::from_millis(500));
        assert_eq!(
            stat,
            Stat { name: "a (b) c".to_owned(), cpu_time: spent, cpu_time_of_children: by_children, parent: 1 }
        );
    }

    #[test]
    fn a_truncated_stat_line_is_rejected() {
        assert_eq!(Stat::parse("4711 (novantra) S 1 4711"), None);
        assert_eq!(Stat::parse(""), None);
    }

    #[test]
    fn resident_memory_is_converted_from_kibibytes() {
        let text = "Name:\tnovantra\nVmHWM:\t   30000 kB\nVmRSS:\t   20480 kB\nRssAnon:\t 9000 kB\n";
        assert_eq!(resident(text), Some(20 * 1024 * 1024));
        assert_eq!(resident("Name:\tkthreadd\n"), None);
    }
}
