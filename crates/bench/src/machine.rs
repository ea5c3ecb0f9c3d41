//! The machine on which figures were measured, which figures are meaningless without.

use std::{fs, process::Command, thread};

use serde_json::{Value, json};

/// The machine and the compiler of the build.
pub(crate) struct Machine {
    cores: usize,
    processor: String,
    kernel: String,
    compiler: String,
}

impl Machine {
    pub(crate) fn detect() -> Self {
        let unknown = || "unknown".to_owned();
        let compiler = Command::new("rustc").arg("--version").output().ok();
        Self {
            cores: thread::available_parallelism().map_or(1, Into::into),
            processor: fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| model(&text)).unwrap_or_else(unknown),
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")
                .map_or_else(|_| unknown(), |text| text.trim().to_owned()),
            compiler: compiler
                .and_then(|output| String::from_utf8(output.stdout).ok())
                .map_or_else(unknown, |text| text.trim().to_owned()),
        }
    }

    pub(crate) fn to_text(&self) -> String {
        let Self { cores, processor, kernel, compiler } = self;
        format!("{cores} cores · {processor} · kernel {kernel} · {compiler} · SQLite {}", rusqlite::version())
    }

    pub(crate) fn to_json(&self) -> Value {
        let Self { cores, processor, kernel, compiler } = self;
        json!({
            "cores": cores,
            "processor": processor,
            "kernel": kernel,
            "rustc": compiler,
            "sqlite": rusqlite::version(),
        })
    }
}

fn model(cpuinfo: &str) -> Option<String> {
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_name_is_parsed_from_cpuinfo() {
        let text =
            "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel name\t: Intel(R) Xeon(R) Processor\nstepping\t: 8\n";
        assert_eq!(model(text).as_deref(), Some("Intel(R) Xeon(R) Processor"));
        assert_eq!(model("processor : 0\n"), None);
    }
}
