//! The footprint of the server before the first call.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use crate::{
    context::BenchContext,
    failure::{Context, Outcome},
    figures::Series,
    http::{Request, call},
    pause,
    report::{Row, Table, Target, Unit},
    sections::Section,
    servers::{DATABASE, MeasuredProgram, Novantra, Process, create_folder},
};

const MEBIBYTE: f64 = 1024.0 * 1024.0;
/// The time for which the server is idle before its memory is measured.
const IDLE: Duration = Duration::from_secs(2);
const STARTS: usize = 11;
const READY_TIMEOUT: Duration = Duration::from_secs(30);

pub(super) fn measure(bench: &BenchContext) -> Outcome<Table> {
    let server = Novantra::start(bench.binary(), create_folder(bench.folder())?, &[])?;
    wait_until_ready(server.process(), "admin_listen")?;
    pause::sleep(IDLE);
    let idle = server.process().resident()?;
    let mut folder = server.stop()?;

    let (mut novantra, mut bare) = (Series::default(), Series::default());
    for _ in 0..STARTS {
        let started = Instant::now();
        let server = Novantra::start(bench.binary(), folder, &[])?;
        wait_until_ready(server.process(), "admin_listen")?;
        novantra.push(millis(started));
        folder = server.stop()?;
        let started = Instant::now();
        let program = start_bare(&folder.path().join(DATABASE))?;
        wait_until_ready(&program, "listen")?;
        bare.push(millis(started));
    }
    let size = fs::metadata(bench.binary())?.len();
    Ok(Table {
        name: "footprint",
        title: Section::Footprint.title(),
        method: format!(
            "Resident memory {} s after the first start; time from exec to the first 200 of /readyz on the same \
             SQLite file, medians of {STARTS} alternating starts.",
            IDLE.as_secs()
        ),
        rows: vec![
            Row::new("idle memory", idle as f64 / MEBIBYTE, Unit::Mebibytes).with_target(Target::at_most(30.0)),
            Row::new("ready: bare axum with the same database", bare.median(), Unit::Millis).spread(bare.spread()),
            Row::new("ready: novantra", novantra.median(), Unit::Millis).spread(novantra.spread()),
            Row::new("ready: novantra ÷ bare", novantra.median() / bare.median(), Unit::Times)
                .with_target(Target::at_most(5.0)),
            Row::new("binary", size as f64 / MEBIBYTE, Unit::Mebibytes).with_target(Target::at_most(40.0)),
        ],
    })
}

fn start_bare(database: &Path) -> Outcome<Process> {
    let folder = database.parent().context(|| "the database has no parent folder".to_owned())?;
    Process::start(Process::bare()?.arg("--database").arg(database), folder)
}

/// Polls the readiness probe until it succeeds.
fn wait_until_ready(process: &Process, listener: &str) -> Outcome<()> {
    let host = process.address(listener).context(|| format!("the program did not print {listener}"))?;
    let probe = Request::get("/readyz");
    pause::poll_until("the program to be ready", READY_TIMEOUT, Duration::from_micros(200), || {
        Ok(call(host, &probe).is_ok_and(|response| response.status == 200).then_some(()))
    })
}

fn millis(started: Instant) -> f64 {
    started.elapsed().as_secs_f64() * 1000.0
}
