//! The programs to measure against: axum and nothing else, answering with bytes it was given; and axum that opens a
//! database and is ready.

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
    http::Answer,
};

/// A bare axum program.
#[derive(Debug, clap::Args)]
pub(crate) struct Bare {
    /// Answers to give, as [`canned`] writes them.
    #[arg(long, value_name = "FILE")]
    answers: Option<PathBuf>,
    /// A SQLite file to open before being ready.
    #[arg(long, value_name = "FILE")]
    database: Option<PathBuf>,
}

/// An answer to give for one path and query.
#[derive(Clone)]
struct Canned {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

type Answers = Arc<HashMap<String, Canned>>;

/// Answers as the program reads them, from those the server gave. What hyper itself writes is left to hyper.
pub(crate) fn canned<'a>(answers: impl IntoIterator<Item = (&'a str, &'a Answer)>) -> Value {
    let answers = answers.into_iter().map(|(path, answer)| {
        let ours = |name: &str| !["date", "content-length", "connection"].contains(&name);
        let headers: Vec<_> = answer.headers.iter().filter(|(name, _)| ours(name)).collect();
        json!({ "path": path, "status": answer.status, "headers": headers, "body": answer.body })
    });
    answers.collect()
}

impl Bare {
    /// Serves until it is killed.
    pub(crate) fn run(self) -> Outcome<()> {
        let answers = self.answers.map(|file| read(&fs::read_to_string(file)?)).transpose()?.unwrap_or_default();
        tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
            let _database = self.database.map(|file| open(&file)).transpose()?;
            let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
            println!("{}", json!({ "listen": format!("http://{}", listener.local_addr()?) }));
            let router = Router::new()
                .route("/readyz", get(async || "ready\n"))
                .route("/{*path}", get(give).post(take))
                .with_state(Arc::new(answers));
            // As the server does it; a failure only makes the connection slower.
            let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
            Ok(axum::serve(listener, router).await?)
        })
    }
}

async fn give(State(answers): State<Answers>, uri: Uri) -> Response<Body> {
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

async fn take(answers: State<Answers>, uri: Uri, _body: Bytes) -> Response<Body> {
    give(answers, uri).await
}

fn read(text: &str) -> Outcome<HashMap<String, Canned>> {
    let malformed = || "the file holds no canned answers".to_owned();
    let answers: Vec<Value> = serde_json::from_str(text)?;
    answers
        .iter()
        .map(|answer| {
            let path = answer["path"].as_str().or_fail(malformed)?;
            let status = answer["status"].as_u64().and_then(|status| u16::try_from(status).ok()).or_fail(malformed)?;
            let mut headers = HeaderMap::new();
            for header in answer["headers"].as_array().or_fail(malformed)? {
                let part = |place: usize| header[place].as_str().or_fail(malformed);
                headers.append(part(0)?.parse::<HeaderName>()?, part(1)?.parse::<HeaderValue>()?);
            }
            let body = Bytes::from(answer["body"].as_str().or_fail(malformed)?.to_owned());
            Ok((path.to_owned(), Canned { status: StatusCode::from_u16(status)?, headers, body }))
        })
        .collect()
}

/// Opens a database as a program must to be sure that it can read and write it.
fn open(file: &std::path::Path) -> Outcome<Connection> {
    let connection = Connection::open(file)?;
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_master WHERE type = 'table'", [], |row| row.get(0))?;
    if mode == "wal" && tables > 0 { Ok(connection) } else { Err(Failure::new("the database is empty or has no log")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_canned_with_all_but_what_hyper_writes() {
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let headers = vec![header("etag", "\"r1\""), header("content-length", "2"), header("date", "now")];
        let answer = Answer { status: 200, headers, body: "{}".to_owned() };
        let read = read(&canned([("/x?limit=2", &answer)]).to_string()).unwrap();
        let canned = &read["/x?limit=2"];
        assert_eq!((canned.status, &canned.body[..]), (StatusCode::OK, b"{}".as_slice()));
        assert_eq!(canned.headers.len(), 1);
        assert_eq!(canned.headers["etag"], "\"r1\"");
    }

    #[test]
    fn what_is_not_canned_is_refused() {
        assert!(read("[{}]").is_err());
        assert!(read("{}").is_err());
    }
}
