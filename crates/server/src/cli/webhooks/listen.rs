//! `novantra webhooks listen`: the events of a server, forwarded to a program that is being developed.

mod forward;
mod server;
mod sse;

use std::time::Duration;

use clap::Args;
use kernel::Clock;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{
    cli::{Context, Output, print_line},
    clock::SystemClock,
    failure::{Context as _, Failure},
};
use forward::Forwarder;
use server::{Credentials, Server, Setback};
use sse::Event;

/// How long is waited before a server is called again; doubled each time up to the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

#[derive(Debug, Args)]
pub(crate) struct Listen {
    /// Where events are posted to.
    #[arg(long, value_name = "URL")]
    forward_to: reqwest::Url,
    /// The server whose events are heard.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    server: reqwest::Url,
    /// These events only; may be repeated. All that the account may read where none is named.
    #[arg(long = "event-type", value_name = "EVENT", value_parser = event_type, value_delimiter = ',')]
    event_types: Vec<webhooks::EventType>,
    #[command(flatten)]
    credentials: Credentials,
}

fn event_type(text: &str) -> Result<webhooks::EventType, String> {
    text.parse().map_err(|error: webhooks::UnknownEventType| {
        let known: Vec<&str> = webhooks::EventType::ALL.iter().map(|event| event.name()).collect();
        format!("{error}; there are {}", known.join(", "))
    })
}

impl Listen {
    pub(crate) async fn run(&self, context: &Context) -> Result<(), Failure> {
        let server = Server::new(&self.server, self.credentials.read()?, &self.event_types)?;
        let forwarder = Forwarder::new(self.forward_to.clone())?;
        tokio::select! {
            failure = listen(&server, &forwarder, context.output) => Err(failure),
            ended = tokio::signal::ctrl_c() => ended.or_fail(|| "can't wait for Ctrl-C".to_owned()),
        }
    }
}

/// Hears the server for as long as it is there to be heard, and again when it is back.
async fn listen(server: &Server, forwarder: &Forwarder, output: Output) -> Failure {
    let mut pause = FIRST_PAUSE;
    let mut ear = Ear { forwarder, output, secret: None };
    loop {
        let setback = match server.open(ear.secret.as_deref()).await {
            Ok(mut events) => {
                pause = FIRST_PAUSE;
                loop {
                    match events.next().await {
                        Ok(event) => {
                            if let Err(failure) = ear.hear(&event).await {
                                return failure;
                            }
                        }
                        Err(setback) => break setback,
                    }
                }
            }
            Err(setback) => setback,
        };
        match setback {
            Setback::Final(failure) => return failure,
            Setback::Passing(why) => eprintln!("{why}; trying again in {} s", pause.as_secs()),
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// What becomes of what is heard.
struct Ear<'a> {
    forwarder: &'a Forwarder,
    output: Output,
    /// What events are signed with.
    secret: Option<String>,
}

impl Ear<'_> {
    /// Forwards an event, and then says what is to be said of it.
    async fn hear(&mut self, event: &Event) -> Result<(), Failure> {
        let data: Value = serde_json::from_str(&event.data).or_fail(|| "the server sent no JSON".to_owned())?;
        if event.name == "secret" {
            return self.keep(data["secret"].as_str().unwrap_or_default());
        }
        let at = SystemClock.now();
        let outcome = self.forwarder.forward(&data).await;
        if !self.output.is_for_people() {
            let (status, error) = (outcome.as_ref().ok(), outcome.as_ref().err());
            let (name, id) = (&event.name, &event.id);
            let line = json!({ "time": at.to_string(), "type": name, "id": id, "status": status, "error": error });
            return print_line(&line.to_string());
        }
        let came = outcome.map_or_else(|error| error, |status| status.to_string());
        print_line(&format!("{at}  {}  {}  {came}", event.name, event.id))
    }

    /// Says what events are signed with, where that is new.
    fn keep(&mut self, secret: &str) -> Result<(), Failure> {
        if self.secret.as_deref() == Some(secret) {
            return Ok(());
        }
        self.output.show(&json!({ "secret": secret }), || format!("signing secret  {secret}"))?;
        self.secret = Some(secret.to_owned());
        Ok(())
    }
}
