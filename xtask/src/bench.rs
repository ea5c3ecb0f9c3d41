//! `cargo xtask bench`: the benchmarks, against a release build of the server.

use crate::{
    Outcome, postgres,
    process::{cargo, run},
};

/// The prefixes of the sections that need PostgreSQL. If no section is given, all are measured.
const POSTGRES_PREFIXES: [&str; 2] = ["postgres", "audit"];

pub(crate) fn bench(arguments: &[String]) -> Outcome {
    run(&mut cargo(["build", "--release", "--package", "novantra-server"]))?;
    let mut bench = cargo(["run", "--release", "--package", "novantra-bench", "--"]);
    bench.args(arguments);
    if !needs_postgres(arguments) {
        return run(&mut bench);
    }
    let (cluster, programs) = postgres::for_benchmarks()?;
    run(bench.args(["--postgres", cluster.url()]).arg("--postgres-programs").arg(programs))
}

fn needs_postgres(arguments: &[String]) -> bool {
    let mut before = "";
    let mut sections = arguments.iter().filter(|argument| {
        let is_value =
            matches!(std::mem::replace(&mut before, argument), "--server" | "--compared" | "--folder" | "--records");
        !is_value && !argument.starts_with('-')
    });
    let needs_it = |section: &str| POSTGRES_PREFIXES.iter().any(|prefix| section.starts_with(prefix));
    let first = sections.next();
    first.is_none_or(|first| std::iter::once(first).chain(sections).any(|section| needs_it(section)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn postgresql_is_started_for_sections_that_need_it_and_if_none_is_given() {
        let needs = |line: &str| needs_postgres(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        assert!(needs("") && needs("--json --folder reads") && needs("reads postgres"));
        assert!(needs("audit-migration --compared novantra"));
        assert!(!needs("reads --folder postgres") && !needs("tokens pages"));
    }
}
