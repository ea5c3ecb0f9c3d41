//! `novantra webhooks listen`: forwards the events of a server to a program under development.

mod forward;
mod server;
mod sse;

use std::time::Duration;

use clap::Args;
use kernel::Clock;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{
    cli::{CommandContext, Output, print_line},
    clock::SystemClock,
    failure::{Failure, ResultExt as _},
};
use forward::Forwarder;
use server::{CredentialArgs, EventServer, StreamError};
use sse::Event;

/// The delay before the first reconnect. It doubles with each further failure, up to [`MAX_RETRY_DELAY`].
const INITIAL_RETRY_DELAY: Duration = Duration::from_secs(1);
const MAX_RETRY_DELAY: Duration = Duration::from_secs(30);

#[derive(Debug, Args)]
pub(crate) struct Listen {
    /// The URL that events are posted to.
    #[arg(long, value_name = "URL")]
    forward_to: reqwest::Url,
    /// The server whose events are forwarded.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    server: reqwest::Url,
    /// Forward this type of events only; may be repeated. By default, all events that the account may read are
    /// forwarded.
    #[arg(long = "event-type", value_name = "EVENT", value_parser = parse_event_type, value_delimiter = ',')]
    event_types: Vec<webhooks::EventType>,
    #[command(flatten)]
    credentials: CredentialArgs,
}

fn parse_event_type(text: &str) -> Result<webhooks::EventType, String> {
    text.parse().map_err(|error: webhooks::UnknownEventType| {
        let names: Vec<&str> = webhooks::EventType::ALL.iter().map(|event| event.name()).collect();
        format!("{error}; the types are {}", names.join(", "))
    })
}

impl Listen {
    pub(crate) async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        let server = EventServer::new(&self.server, self.credentials.read()?, &self.event_types)?;
        let forwarder = Forwarder::new(self.forward_to.clone())?;
        tokio::select! {
            failure = listen(&server, &forwarder, context.output) => Err(failure),
            ended = tokio::signal::ctrl_c() => ended.context(|| "can't wait for Ctrl-C".to_owned()),
        }
    }
}

/// Consumes the event stream of the server and reconnects with back-off when it breaks, until an error is permanent.
async fn listen(server: &EventServer, forwarder: &Forwarder, output: Output) -> Failure {
    let mut delay = INITIAL_RETRY_DELAY;
    let mut consumer = EventConsumer { forwarder, output, secret: None };
    loop {
        let error = match server.open(consumer.secret.as_deref()).await {
            Ok(mut events) => {
                delay = INITIAL_RETRY_DELAY;
                loop {
                    match events.next().await {
                        Ok(event) => {
                            if let Err(failure) = consumer.consume(&event).await {
                                return failure;
                            }
                        }
                        Err(error) => break error,
                    }
                }
            }
            Err(error) => error,
        };
        match error {
            StreamError::Permanent(failure) => return failure,
            StreamError::Transient(cause) => eprintln!("{cause}; trying again in {} s", delay.as_secs()),
        }
        sleep(delay).await;
        delay = (delay * 2).min(MAX_RETRY_DELAY);
    }
}

/// Forwards the events of a stream and prints the outcomes.
struct EventConsumer<'a> {
    forwarder: &'a Forwarder,
    output: Output,
    /// The secret that the server signs the events with.
    secret: Option<String>,
}

impl EventConsumer<'_> {
    /// Forwards an event and prints the outcome.
    async fn consume(&mut self, event: &Event) -> Result<(), Failure> {
        let data: Value =
            serde_json::from_str(&event.data).context(|| "the server sent an event that is not JSON".to_owned())?;
        if event.name == "secret" {
            return self.set_secret(data["secret"].as_str().unwrap_or_default());
        }
        let at = SystemClock.now();
        let outcome = self.forwarder.forward(&data).await;
        if !self.output.is_text() {
            let (status, error) = (outcome.as_ref().ok(), outcome.as_ref().err());
            let (name, id) = (&event.name, &event.id);
            let line = json!({ "time": at.to_string(), "type": name, "id": id, "status": status, "error": error });
            return print_line(&line.to_string());
        }
        let outcome = outcome.map_or_else(|error| error, |status| status.to_string());
        print_line(&format!("{at}  {}  {}  {outcome}", event.name, event.id))
    }

    /// Stores the signing secret, and prints it if it is new.
    fn set_secret(&mut self, secret: &str) -> Result<(), Failure> {
        if self.secret.as_deref() == Some(secret) {
            return Ok(());
        }
        self.output.print(&json!({ "secret": secret }), || format!("signing secret  {secret}"))?;
        self.secret = Some(secret.to_owned());
        Ok(())
    }
}
