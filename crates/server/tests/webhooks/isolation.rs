//! Isolation of live receivers from dead ones.

use std::time::{Duration, Instant};

use crate::{
    actions::{SCOPES, allow_loopback, create_finding, subscribe, wait_until},
    receiver::WebhookReceiver,
    support::{Client, Installation, Server, Setup},
};

const LIVE: usize = 100;
const DEAD: usize = 900;
/// The maximum number of subscriptions of one account.
const PER_ACCOUNT: usize = 50;
/// The time for which the live receivers are measured alone.
const ALONE_DURATION: Duration = Duration::from_secs(10);
/// The time for which they are measured together with the dead ones: until after the first attempts at all dead ones
/// have timed out.
const WITH_DEAD_DURATION: Duration = Duration::from_secs(25);

/// The maximum slowdown of the live receivers. The documented limit is 2; the margin is for machines that run other
/// tests.
const MAX_SLOWDOWN: f64 = 4.0;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nine_hundred_dead_receivers_barely_slow_down_a_hundred_live_ones() {
    let receiver = WebhookReceiver::start().await;
    let server = allow_loopback(Setup::with_installation(Installation::new()).unlimited()).start();
    let writer = server.create_client("writer", &SCOPES).await;
    subscribe_all(&server, &receiver, "live", LIVE).await;
    measure_waits(&writer, &receiver, "warm", Duration::from_secs(2)).await;
    let alone = measure_waits(&writer, &receiver, "alone", ALONE_DURATION).await;

    subscribe_all(&server, &receiver, "hanging", DEAD).await;
    let beside = measure_waits(&writer, &receiver, "beside", WITH_DEAD_DURATION).await;

    let ratio = |of: fn(&[Duration]) -> Duration| of(&beside).as_secs_f64() / of(&alone).as_secs_f64();
    let (median, slowest) = (ratio(|all| percentile(all, 50)), ratio(|all| percentile(all, 95)));
    println!(
        "live receivers waited {:?} (p50) and {:?} (p95) alone, {:?} and {:?} with {DEAD} dead ones: {median:.2} and {slowest:.2} times",
        percentile(&alone, 50),
        percentile(&alone, 95),
        percentile(&beside, 50),
        percentile(&beside, 95),
    );
    assert!(median < MAX_SLOWDOWN, "the live receivers waited {median:.2} times as long");
}

async fn subscribe_all(server: &Server, receiver: &WebhookReceiver, kind: &str, count: usize) {
    for first in (0..count).step_by(PER_ACCOUNT) {
        let client = server.create_client(&format!("{kind}-{first}"), &SCOPES).await;
        for number in first..first + PER_ACCOUNT {
            subscribe(&client, &receiver.url(&format!("/{kind}/{number}")), &["finding.created"]).await;
        }
    }
}

/// Records findings one after the other for this duration. Returns how long each live receiver waited for each event,
/// in ascending order.
async fn measure_waits(writer: &Client, receiver: &WebhookReceiver, name: &str, duration: Duration) -> Vec<Duration> {
    let mut waits = Vec::new();
    let first = Instant::now();
    for round in 0.. {
        if first.elapsed() > duration {
            break;
        }
        let before = receiver.count("/live/");
        let began = Instant::now();
        create_finding(writer, &format!("{name}-{round}")).await;
        wait_until("the live receivers get the event", Duration::from_secs(30), || {
            receiver.count("/live/") == before + LIVE
        })
        .await;
        for number in 0..LIVE {
            let sent = receiver.deliveries_to(&format!("/live/{number}"));
            waits.push(sent.last().expect("the event arrived").at - began);
        }
    }
    waits.sort();
    waits
}

fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    sorted[(sorted.len() - 1) * percent / 100]
}
