//! Isolation of live receivers from dead ones.

use std::time::{Duration, Instant};

use crate::{
    receiver::Receiver,
    stage::{SCOPES, record, subscribe, to_this_machine, until},
    support::{Client, Installation, Server, Setup},
};

const LIVE: usize = 100;
const DEAD: usize = 900;
/// The maximum number of subscriptions of one account.
const PER_ACCOUNT: usize = 50;
/// How long the live receivers are measured alone.
const ALONE: Duration = Duration::from_secs(10);
/// How long they are measured together with the dead ones: until after the moment when the first attempts at all dead
/// ones have timed out.
const BESIDE: Duration = Duration::from_secs(25);

/// The maximum slowdown of the live receivers. The documented limit is 2; the margin is for machines that run other
/// tests.
const AT_MOST: f64 = 4.0;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nine_hundred_dead_receivers_beside_a_hundred_live_ones_slow_them_down_little() {
    let receiver = Receiver::start().await;
    let server = to_this_machine(Setup::over(Installation::new()).unlimited()).start();
    let writer = server.client("writer", &SCOPES).await;
    subscribe_all(&server, &receiver, "live", LIVE).await;
    rounds(&writer, &receiver, "warm", Duration::from_secs(2)).await;
    let alone = rounds(&writer, &receiver, "alone", ALONE).await;

    subscribe_all(&server, &receiver, "hanging", DEAD).await;
    let beside = rounds(&writer, &receiver, "beside", BESIDE).await;

    let ratio = |of: fn(&[Duration]) -> Duration| of(&beside).as_secs_f64() / of(&alone).as_secs_f64();
    let (median, slowest) = (ratio(|all| at(all, 50)), ratio(|all| at(all, 95)));
    println!(
        "live receivers waited {:?} (p50) and {:?} (p95) alone, {:?} and {:?} with {DEAD} dead ones: {median:.2} and {slowest:.2} times",
        at(&alone, 50),
        at(&alone, 95),
        at(&beside, 50),
        at(&beside, 95),
    );
    assert!(median < AT_MOST, "the live receivers waited {median:.2} times as long");
}

async fn subscribe_all(server: &Server, receiver: &Receiver, kind: &str, count: usize) {
    for first in (0..count).step_by(PER_ACCOUNT) {
        let client = server.client(&format!("{kind}-{first}"), &SCOPES).await;
        for number in first..first + PER_ACCOUNT {
            subscribe(&client, &receiver.url(&format!("/{kind}/{number}")), &["finding.created"]).await;
        }
    }
}

/// Records findings one after the other for this duration. Returns how long each live receiver waited for each event,
/// in ascending order.
async fn rounds(writer: &Client, receiver: &Receiver, name: &str, duration: Duration) -> Vec<Duration> {
    let mut waits = Vec::new();
    let first = Instant::now();
    for round in 0.. {
        if first.elapsed() > duration {
            break;
        }
        let before = receiver.count("/live/");
        let began = Instant::now();
        record(writer, &format!("{name}-{round}")).await;
        until("the live receivers get the event", Duration::from_secs(30), || {
            receiver.count("/live/") == before + LIVE
        })
        .await;
        for number in 0..LIVE {
            let sent = receiver.sent_to(&format!("/live/{number}"));
            waits.push(sent.last().expect("the event arrived").at - began);
        }
    }
    waits.sort();
    waits
}

fn at(sorted: &[Duration], percent: usize) -> Duration {
    sorted[(sorted.len() - 1) * percent / 100]
}
