//! Uploads and downloads of large files, and many uploads at once.

use std::{net::SocketAddr, thread, time::Instant};

use super::streams::with_peak_memory;
use crate::{
    context::BenchContext,
    failure::{Failure, Outcome},
    figures::Series,
    http::{download, upload},
    report::{Row, Table, Target, Unit},
    sections::Section,
    servers::{MeasuredProgram, Novantra, create_folder},
};

const ROUNDS: usize = 3;
const MEBIBYTE: usize = 1024 * 1024;
/// The size of a large file, which is the largest that servers accept by default.
const LARGE: usize = 256 * MEBIBYTE;
/// The number and the size of the files that are uploaded at once.
const CONCURRENT: usize = 64;
const SMALL: usize = 8 * MEBIBYTE;

pub(super) fn measure(bench: &BenchContext) -> Outcome<Table> {
    let server = Novantra::start(bench.binary(), create_folder(bench.folder())?, &[])?;
    let token = server.issue_token(&server.create_account("uploader")?)?;
    let host = server.host()?;
    let (mut up, mut down) = (Measured::default(), Measured::default());
    for round in 0..ROUNDS {
        let path = up.measure(&server, LARGE, || upload(host, &token, LARGE, round as u64))?;
        let size = down.measure(&server, LARGE, || download(host, &token, &path))?;
        if size != LARGE {
            return Err(Failure::new(format!("a download had {size} of {LARGE} bytes")));
        }
    }
    let mut many = Measured::default();
    many.measure(&server, CONCURRENT * SMALL, || upload_many(host, &token))?;
    let rows = [
        up.rows("an upload of 256 MiB", 32.0),
        down.rows("a download of 256 MiB", 32.0),
        many.rows("64 uploads of 8 MiB at once", 128.0),
    ];
    Ok(Table {
        name: "attachments",
        title: Section::Attachments.title(),
        method: format!(
            "Attachments in a folder, of one account; the client shares the machine's cores with the server and keeps no \
             bytes; highest resident memory of the server meanwhile, minus that before; medians of {ROUNDS} files."
        ),
        rows: rows.into_iter().flatten().collect(),
    })
}

/// The rates and the additional memory of several runs.
#[derive(Default)]
struct Measured {
    rate: Series,
    growth: Series,
}

impl Measured {
    /// Does work that moves this many bytes.
    fn measure<T: Send>(&mut self, server: &Novantra, bytes: usize, work: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
        server.wait_until_idle()?;
        let (before, started) = (server.process().resident()?, Instant::now());
        let (result, peak) = with_peak_memory(server.process(), work)?;
        self.rate.push(mebibytes(bytes as u64) / started.elapsed().as_secs_f64());
        self.growth.push(mebibytes(peak.saturating_sub(before)));
        Ok(result)
    }

    fn rows(&self, label: &str, max_growth: f64) -> [Row; 2] {
        [
            Row::new(format!("{label}: MiB"), self.rate.median(), Unit::PerSecond).spread(self.rate.spread()),
            Row::new(format!("{label}: added memory"), self.growth.median(), Unit::Mebibytes)
                .with_target(Target::at_most(max_growth)),
        ]
    }
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / MEBIBYTE as f64
}

/// Uploads many files at the same time.
fn upload_many(host: SocketAddr, token: &str) -> Outcome<()> {
    thread::scope(|scope| {
        let uploads: Vec<_> = (0..CONCURRENT)
            .map(|number| scope.spawn(move || upload(host, token, SMALL, (ROUNDS + number) as u64).map(drop)))
            .collect();
        uploads
            .into_iter()
            .try_for_each(|upload| upload.join().map_err(|_| Failure::new("the thread of an upload panicked"))?)
    })
}
