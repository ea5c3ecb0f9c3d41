//! What the server takes before anybody calls.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use crate::{
    failure::{Context, Outcome},
    figures::Series,
    http::{Request, call},
    pause,
    report::{Bar, Row, Table, Unit},
    sections::{Bench, Section},
    servers::{DATABASE, Novantra, Process, Subject, fresh},
};

const MEBIBYTE: f64 = 1024.0 * 1024.0;
/// How long the server is left alone before its memory is looked at.
const IDLE: Duration = Duration::from_secs(2);
const STARTS: usize = 11;
const READY_WITHIN: Duration = Duration::from_secs(30);

pub(super) fn measure(bench: &Bench) -> Outcome<Table> {
    let server = Novantra::start(bench.binary(), fresh(bench.folder())?, &[])?;
    ready(server.process(), "admin_listen")?;
    pause::rest(IDLE);
    let idle = server.process().resident()?;
    let mut folder = server.stop()?;

    let (mut ours, mut bare) = (Series::default(), Series::default());
    for _ in 0..STARTS {
        let began = Instant::now();
        let server = Novantra::start(bench.binary(), folder, &[])?;
        ready(server.process(), "admin_listen")?;
        ours.push(millis(began));
        folder = server.stop()?;
        let began = Instant::now();
        let program = start_bare(&folder.path().join(DATABASE))?;
        ready(&program, "listen")?;
        bare.push(millis(began));
    }
    let size = fs::metadata(bench.binary())?.len();
    Ok(Table {
        name: "footprint",
        title: Section::Footprint.title(),
        how: format!(
            "Resident memory {} s after a first start; time from exec to the first 200 of /readyz on the same SQLite file, \
             medians of {STARTS} starts in turns.",
            IDLE.as_secs()
        ),
        rows: vec![
            Row::new("idle memory", idle as f64 / MEBIBYTE, Unit::Mebibytes).held_to(Bar::at_most(30.0)),
            Row::new("ready: bare axum with the same database", bare.median(), Unit::Millis).spread(bare.spread()),
            Row::new("ready: novantra", ours.median(), Unit::Millis).spread(ours.spread()),
            Row::new("ready: novantra ÷ bare", ours.median() / bare.median(), Unit::Times).held_to(Bar::at_most(5.0)),
            Row::new("binary", size as f64 / MEBIBYTE, Unit::Mebibytes).held_to(Bar::at_most(40.0)),
        ],
    })
}

fn start_bare(database: &Path) -> Outcome<Process> {
    let folder = database.parent().or_fail(|| "the database lies in no folder".to_owned())?;
    Process::start(Process::bare()?.arg("--database").arg(database), folder)
}

/// Asks until it says that it is ready.
fn ready(process: &Process, listener: &str) -> Outcome<()> {
    let host = process.address(listener).or_fail(|| format!("no {listener} was said"))?;
    let probe = Request::get("/readyz");
    pause::until("ready", READY_WITHIN, Duration::from_micros(200), || {
        Ok(call(host, &probe).is_ok_and(|answer| answer.status == 200).then_some(()))
    })
}

fn millis(began: Instant) -> f64 {
    began.elapsed().as_secs_f64() * 1000.0
}
