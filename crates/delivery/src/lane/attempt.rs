//! One attempt, from the question whether the account may be told to the endpoint's answer.

use std::{sync::Arc, time::Duration};

use kernel::StoreError;
use webhooks::{Attempt, Due, Failure, Lane, Message, Outcome};

use super::{
    Office,
    standing::{Admission, Parties, Verdict, judge},
};

/// What became of a delivery that was to be attempted.
pub(super) enum Tried {
    /// An attempt was made.
    Attempted(Attempt),
    /// The account may not be told of it any more.
    Refused,
    /// It is for a newer server to send.
    Unknown,
    /// Nothing: the lane is not one that sends just now.
    Unwanted,
    /// Nothing: it could not be found out whether the account may be told.
    Unjudged(StoreError),
    /// Nothing: the server stops.
    Stopped,
}

/// Attempts a delivery, once there is room and if the account may still be told by then.
pub(super) async fn attempt(office: Arc<Office>, lane: Lane, due: Due, doubtful: bool) -> (Due, Tried) {
    let place = tokio::select! {
        biased;
        () = office.stopped() => return (due, Tried::Stopped),
        place = office.room.place(doubtful) => place,
    };
    let tried = match judge(&office, lane).await {
        Err(error) => Tried::Unjudged(error),
        Ok(Verdict::Send(parties)) => match parties.admission(&due.delivery.record) {
            Admission::Granted => Tried::Attempted(send(&office, lane, &parties, &due).await),
            Admission::Refused => Tried::Refused,
            Admission::Unknown => Tried::Unknown,
        },
        Ok(Verdict::Park | Verdict::Cancel) => Tried::Unwanted,
    };
    drop(place);
    (due, tried)
}

async fn send(office: &Office, lane: Lane, parties: &Parties, due: &Due) -> Attempt {
    let means = &office.means;
    let (at, event) = (means.clock.now(), due.delivery.record.event);
    let subscription = &parties.subscription.record;
    let secrets: Vec<_> = subscription.live_secrets(at).collect();
    let content = Message::signed_content(event, at, &due.body);
    means.observer.began();
    let outcome = match means.secrets.sign(lane.subscription, &secrets, &content) {
        Some(signature) => {
            let message = Message { id: event, timestamp: at.seconds(), signature, body: due.body.clone() };
            means.sender.send(&subscription.url, message).await
        }
        None => unsigned(),
    };
    means.observer.ended(&outcome);
    Attempt { at, outcome }
}

/// The endpoint would refuse a message that is not signed.
fn unsigned() -> Outcome {
    Outcome { took: Duration::ZERO, status: None, answer: None, failure: Some(Failure::Unsigned), retry_after: None }
}
