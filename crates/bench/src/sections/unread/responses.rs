//! A thousand responses of every kind that nobody reads.

use serde_json::json;

use super::{Bystander, observe};
use crate::{
    context::BenchContext,
    failure::{Context, Outcome},
    http::{Request, call, client_address, http2_requests, send},
    report::Table,
    sample,
    sections::{Section, workload::LIST},
    servers::{Account, MeasuredProgram, Novantra, create_folder},
};

/// The number of unread responses, and of accounts that request them.
const RESPONSES: usize = 1000;
const ACCOUNTS: usize = 10;
/// The requests of an HTTP/2 connection, as many as the server accepts.
const STREAMS: u32 = 16;
/// Findings with descriptions of the maximum length, whose creation is an audit entry and a delivery each.
const FINDINGS: usize = 280;
const FINDINGS_PER_BATCH: usize = 40;
const DESCRIPTION: usize = 20_000;
/// The number of results of an unread batch.
const RESULTS: usize = 500;

pub(in crate::sections) fn measure(bench: &BenchContext) -> Outcome<Table> {
    let settings = [("webhooks-allow-loopback-http", "true")];
    let server = Novantra::start(bench.binary(), create_folder(bench.folder())?, &settings)?;
    let host = server.host()?;
    let accounts: Vec<Account> =
        (0..ACCOUNTS).map(|number| server.create_account(&format!("greedy {number}"))).collect::<Outcome<_>>()?;
    let tokens: Vec<String> = accounts.iter().map(|account| server.issue_token(account)).collect::<Outcome<_>>()?;
    let other = server.issue_token(&server.create_account("bystander")?)?;
    let subscriptions = tokens.iter().map(|token| subscribe(&server, token)).collect::<Outcome<Vec<_>>>()?;
    for first in (0..FINDINGS).step_by(FINDINGS_PER_BATCH) {
        call(host, &Request::post(format!("{LIST}/batch"), large_batch(first)).bearer(&other))?.expect_status(200)?;
    }
    let batch = sample::batch(1_000_000, RESULTS);
    let bystander = Bystander { host, requests: vec![Request::get(format!("{LIST}?limit=10")).bearer(&other)] };

    let list = |token: &str| Request::get(format!("{LIST}?limit=200")).bearer(token);
    let audit = |token: &str| Request::get("/api/v1/audit/entries?limit=200").bearer(token);
    let results = |token: &str| Request::post(format!("{LIST}/batch"), batch.clone()).bearer(token);
    let mut rows = Vec::new();
    let mut unread = |label: &str, request: &dyn Fn(usize, &str) -> Request| -> Outcome<()> {
        rows.extend(observe(&server, &bystander, label, || {
            (0..RESPONSES)
                .map(|number| {
                    let account = number % ACCOUNTS;
                    send(host, client_address(account), &request(account, &tokens[account]).to_bytes(host))
                })
                .collect()
        })?);
        Ok(())
    };
    unread("lists", &|_, token| list(token))?;
    unread("lists, compressed", &|_, token| list(token).header("accept-encoding", "zstd"))?;
    unread("audit pages", &|_, token| audit(token))?;
    unread("delivery pages", &|account, token| {
        let path = format!("/api/v1/webhooks/subscriptions/{}/deliveries?limit=200", subscriptions[account]);
        Request::get(path).bearer(token)
    })?;
    unread("batch results", &|_, token| results(token))?;
    unread("replays", &|_, token| results(token).header("idempotency-key", "bench"))?;
    unread("OpenAPI documents of strangers", &|_, _| Request::get("/api/v1/openapi.json"))?;
    // A stream that fits into one chunk is complete before the client reads it.
    let stream = Request::get(format!("{LIST}?findingKey=large-1")).bearer(&tokens[0]);
    let stream = stream.header("accept", "application/x-ndjson").header("accept-encoding", "gzip");
    for (label, request) in [
        ("lists over HTTP/2", list(&tokens[0])),
        ("audit pages over HTTP/2", audit(&tokens[0])),
        ("streams over HTTP/2", stream),
    ] {
        let bytes = http2_requests(host, &request, STREAMS);
        rows.extend(observe(&server, &bystander, label, || {
            (0..RESPONSES.div_ceil(STREAMS as usize)).map(|number| send(host, client_address(number), &bytes)).collect()
        })?);
    }
    let memory = server.process().resident()?;
    Ok(Table {
        name: "unread-responses",
        title: Section::UnreadResponses.title(),
        method: format!(
            "{RESPONSES} unread responses of {ACCOUNTS} accounts (over HTTP/2, of one), descriptions of {DESCRIPTION} characters; highest \
             resident memory in 7 s, minus that before; another account of the same organization lists 10 findings every 50 ms. At the end, the \
             server has {} MiB.",
            memory / 1024 / 1024
        ),
        rows,
    })
}

/// Subscribes to findings, at a port that refuses connections. Returns the id of the subscription.
fn subscribe(server: &Novantra, token: &str) -> Outcome<String> {
    let body = json!({
        "url": "http://127.0.0.1:1/",
        "eventTypes": ["finding.created"],
        "reason": "Deliveries for the benchmark",
    });
    let request = Request::post("/api/v1/webhooks/subscriptions", body.to_string()).bearer(token);
    let created = call(server.host()?, &request)?.expect_status(201)?.json()?;
    let id = created["webhookSubscription"]["id"].as_str().map(str::to_owned);
    id.context(|| format!("no id in {created}"))
}

fn large_batch(first: usize) -> String {
    let finding = |number: usize| {
        json!({
            "findingKey": format!("large-{number}"),
            "title": "A finding with a long description",
            "description": "A long description. ".repeat(DESCRIPTION / 20),
            "severity": "low",
            "sourceKind": "manual",
        })
    };
    let findings: Vec<_> = (first..first + FINDINGS_PER_BATCH).map(finding).collect();
    json!({ "reason": "Large findings for the benchmark", "findings": findings }).to_string()
}
