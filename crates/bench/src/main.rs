//! Measures the cost of the server as ratios to a baseline measured in the same run: a bare axum program that returns
//! the same bytes, or plain prepared statements that insert the same rows. `cargo xtask bench` builds and runs it.
//!
//! Most figures are CPU time of the server's process, which the noise of a busy machine hardly affects. Compared cases
//! run alternately in short rounds, so that drift affects all of them.

mod bare;
mod context;
mod failure;
mod figures;
mod http;
mod machine;
mod options;
mod pause;
mod receiver;
mod report;
mod sample;
mod sections;
mod servers;

use clap::Parser;

use crate::{context::BenchContext, failure::Outcome, machine::Machine, options::Program, report::Report};

fn main() -> Outcome<()> {
    let options = match Program::parse() {
        Program { bare: Some(bare), .. } => return bare.run(),
        Program { options, .. } => options,
    };
    let bench = BenchContext::new(&options.programs)?;
    // The clients of the unread responses need more than the usual 1024.
    rlimit::increase_nofile_limit(u64::MAX)?;
    let mut report = Report::new(Machine::detect(), options.json);
    report.print_machine();
    for section in options.sections() {
        eprintln!("measuring: {}", section.title());
        report.add(section.measure(&bench)?);
    }
    report.print_summary()
}
