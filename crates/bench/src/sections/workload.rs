//! The parts of their workloads that several sections share.

use crate::{
    failure::{Context, Outcome},
    http::{HttpResponse, Request, call},
    servers::{BareServer, Novantra},
};

/// The number of keep-alive connections.
pub(super) const CONNECTIONS: usize = 64;

/// The path of the findings.
pub(super) const LIST: &str = "/api/v1/governance/findings";

/// The number of findings from which those to read are chosen.
const NEWEST: usize = 10_000;

/// Starts a bare program that returns the server's responses to these requests.
pub(super) fn bare<'a>(server: &Novantra, requests: impl Iterator<Item = &'a Request>) -> Outcome<BareServer> {
    let host = server.host()?;
    let responses: Vec<(&str, HttpResponse)> = requests
        .map(|request| Ok((request.path(), call(host, request)?.expect_status(200)?)))
        .collect::<Outcome<_>>()?;
    BareServer::with_responses(responses.iter().map(|(path, response)| (*path, response)))
}

/// Returns the ids of at most `max` findings, evenly distributed over the newest of the collection.
pub(super) fn ids(server: &Novantra, token: &str, max: usize) -> Outcome<Vec<String>> {
    let host = server.host()?;
    let mut ids = Vec::new();
    let mut path = format!("{LIST}?limit=200");
    while ids.len() < NEWEST {
        let page = call(host, &Request::get(path).bearer(token))?.expect_status(200)?.json()?;
        let findings = page["findings"].as_array().context(|| "no findings in the response".to_owned())?;
        ids.extend(findings.iter().filter_map(|finding| finding["id"].as_str()).map(str::to_owned));
        match page["pagination"]["nextCursor"].as_str() {
            Some(cursor) => path = format!("{LIST}?limit=200&cursor={cursor}"),
            None => break,
        }
    }
    let step = (ids.len() / max).max(1);
    Ok(ids.into_iter().step_by(step).take(max).collect())
}
