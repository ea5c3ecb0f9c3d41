//! Clients that read no responses, or stop in the middle of their requests, and the calls of others meanwhile.

mod bystander;
pub(super) mod responses;
pub(super) mod stalled_bodies;

use std::{net::TcpStream, time::Duration};

use crate::{
    failure::Outcome,
    report::{Row, Target, Unit},
    servers::{MeasuredProgram, Novantra},
};

use bystander::Bystander;

const MEBIBYTE: f64 = 1024.0 * 1024.0;
/// The time for which the effect is observed: longer than requests wait for their share.
const WINDOW: Duration = Duration::from_secs(7);
/// The maximum time for a call of another account beside the clients.
const MAX_CALL: f64 = 1000.0;

/// Opens the connections that `open` returns, holds them for a while, and measures the additional memory of the server
/// and the calls of a bystander.
fn observe(
    server: &Novantra,
    bystander: &Bystander,
    label: &str,
    open: impl FnOnce() -> Outcome<Vec<TcpStream>>,
) -> Outcome<Vec<Row>> {
    server.wait_until_idle()?;
    let before = server.process().resident()?;
    let connections = open()?;
    let observed = bystander.observe(server.process(), WINDOW)?;
    drop(connections);
    let added = observed.peak.saturating_sub(before) as f64 / MEBIBYTE;
    let served = observed.served as f64 / observed.calls as f64;
    Ok(vec![
        Row::new(format!("{label}: added memory"), added, Unit::Mebibytes).with_target(Target::at_most(128.0)),
        Row::new(format!("{label}: other calls served"), served, Unit::Share).with_target(Target::at_least(1.0)),
        Row::new(format!("{label}: slowest other call"), observed.slowest.as_secs_f64() * 1000.0, Unit::Millis)
            .with_target(Target::at_most(MAX_CALL)),
    ])
}
