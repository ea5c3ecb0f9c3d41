//! The baseline programs: axum alone, returning given bytes, and axum that opens a database before it is ready.

use std::{collections::HashMap, fs, path::PathBuf, sync::Arc};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, Uri},
    routing::get,
    serve::ListenerExt,
};
use rusqlite::Connection;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::{
    failure::{Context, Failure, Outcome},
    http::HttpResponse,
};

/// A bare axum program.
#[derive(Debug, clap::Args)]
pub(crate) struct Bare {
    /// Responses to return, in the format that `canned` writes.
    #[arg(long, value_name = "FILE")]
    answers: Option<PathBuf>,
    /// A SQLite file to open before being ready.
    #[arg(long, value_name = "FILE")]
    database: Option<PathBuf>,
}

/// The response to one path and query.
#[derive(Clone)]
struct CannedResponse {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

type CannedResponses = Arc<HashMap<String, CannedResponse>>;

/// Returns responses of the server in the format that the program reads. Headers that hyper writes itself are left out.
pub(crate) fn canned_responses<'a>(responses: impl IntoIterator<Item = (&'a str, &'a HttpResponse)>) -> Value {
    let responses = responses.into_iter().map(|(path, response)| {
        let is_ours = |name: &str| !["date", "content-length", "connection"].contains(&name);
        let headers: Vec<_> = response.headers.iter().filter(|(name, _)| is_ours(name)).collect();
        json!({ "path": path, "status": response.status, "headers": headers, "body": response.body })
    });
    responses.collect()
}

impl Bare {
    /// Serves until the process is killed.
    pub(crate) fn run(self) -> Outcome<()> {
        let responses =
            self.answers.map(|file| parse_responses(&fs::read_to_string(file)?)).transpose()?.unwrap_or_default();
        tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
            let _database = self.database.map(|file| open(&file)).transpose()?;
            let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
            println!("{}", json!({ "listen": format!("http://{}", listener.local_addr()?) }));
            let router = Router::new()
                .route("/readyz", get(async || "ready\n"))
                .route("/{*path}", get(respond_to_get).post(respond_to_post))
                .with_state(Arc::new(responses));
            // As in the server. If it fails, the connection is only slower.
            let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
            Ok(axum::serve(listener, router).await?)
        })
    }
}

async fn respond_to_get(State(answers): State<CannedResponses>, uri: Uri) -> Response<Body> {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let mut response = Response::new(Body::empty());
    match answers.get(path) {
        None => *response.status_mut() = StatusCode::NOT_FOUND,
        Some(canned) => {
            *response.status_mut() = canned.status;
            response.headers_mut().clone_from(&canned.headers);
            *response.body_mut() = Body::from(canned.body.clone());
        }
    }
    response
}

async fn respond_to_post(answers: State<CannedResponses>, uri: Uri, _body: Bytes) -> Response<Body> {
    respond_to_get(answers, uri).await
}

fn parse_responses(text: &str) -> Outcome<HashMap<String, CannedResponse>> {
    let malformed = || "the file is not a list of responses".to_owned();
    let responses: Vec<Value> = serde_json::from_str(text)?;
    responses
        .iter()
        .map(|response| {
            let path = response["path"].as_str().context(malformed)?;
            let status =
                response["status"].as_u64().and_then(|status| u16::try_from(status).ok()).context(malformed)?;
            let mut headers = HeaderMap::new();
            for header in response["headers"].as_array().context(malformed)? {
                let part = |index: usize| header[index].as_str().context(malformed);
                headers.append(part(0)?.parse::<HeaderName>()?, part(1)?.parse::<HeaderValue>()?);
            }
            let body = Bytes::from(response["body"].as_str().context(malformed)?.to_owned());
            Ok((path.to_owned(), CannedResponse { status: StatusCode::from_u16(status)?, headers, body }))
        })
        .collect()
}

/// Opens a database and checks, as the server does, that it can be read and written.
fn open(file: &std::path::Path) -> Outcome<Connection> {
    let connection = Connection::open(file)?;
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_master WHERE type = 'table'", [], |row| row.get(0))?;
    if mode == "wal" && tables > 0 { Ok(connection) } else { Err(Failure::new("the database is empty or has no WAL")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canned_response_has_all_headers_except_those_hyper_writes() {
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let headers = vec![header("etag", "\"r1\""), header("content-length", "2"), header("date", "now")];
        let response = HttpResponse { status: 200, headers, body: "{}".to_owned(), length: 2 };
        let read = parse_responses(&canned_responses([("/x?limit=2", &response)]).to_string()).unwrap();
        let canned = &read["/x?limit=2"];
        assert_eq!((canned.status, &canned.body[..]), (StatusCode::OK, b"{}".as_slice()));
        assert_eq!(canned.headers.len(), 1);
        assert_eq!(canned.headers["etag"], "\"r1\"");
    }

    #[test]
    fn a_file_without_canned_responses_is_rejected() {
        assert!(parse_responses("[{}]").is_err());
        assert!(parse_responses("{}").is_err());
    }
}
