//! Uploads and downloads of attachments, with the real program.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use futures_util::stream;
use reqwest::{Response, StatusCode};
use serde_json::Value;

use crate::support::{Client, Installation, Server, Setup, eventually};

const UPLOADS: &str = "/api/v1/governance/evidence/attachments?reason=Report+of+the+nightly+backup";
pub(crate) const SCOPES: &[&str] = &["governance.evidence:read", "governance.evidence:write", "audit:read"];
pub(crate) const MIB: usize = 1024 * 1024;

/// Bytes of which no part repeats another.
pub(crate) fn bytes(length: usize) -> Vec<u8> {
    (0..length as u32 / 4 + 1).flat_map(u32::to_be_bytes).take(length).collect()
}

fn content_path(attachment: &Value) -> String {
    format!("/api/v1/governance/evidence/attachments/{}/content", attachment["id"].as_str().expect("an id"))
}

/// The head of an upload over a connection of its own.
fn head(token: &str, fields: &str) -> String {
    format!(
        "POST {UPLOADS} HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {token}\r\nContent-Type: text/csv\r\n\
         Content-Disposition: attachment; filename=\"report.csv\"\r\n{fields}\r\n"
    )
}

fn connect(server: &Server) -> TcpStream {
    TcpStream::connect(server.url.trim_start_matches("http://")).expect("a connection")
}

/// Reads the head of a response, and returns its status line.
fn read_head(reader: &mut impl BufRead) -> String {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(reader.read_line(&mut head).expect("a head") > 0, "the connection ended in {head:?}");
    }
    head.lines().next().unwrap_or_default().to_owned()
}

pub(crate) async fn upload(client: &Client, server: &Server, bytes: Vec<u8>) -> Response {
    let pieces: Vec<_> =
        bytes.chunks(10_000).map(|piece| Ok::<_, std::io::Error>(Bytes::copy_from_slice(piece))).collect();
    let request = reqwest::Client::new()
        .post(format!("{}{UPLOADS}", server.url))
        .bearer_auth(client.token())
        .header("content-disposition", "attachment; filename=\"report.csv\"")
        .header("content-type", "text/csv");
    request.body(reqwest::Body::wrap_stream(stream::iter(pieces))).send().await.expect("an answer")
}

pub(crate) async fn uploaded(client: &Client, server: &Server, bytes: Vec<u8>) -> Value {
    let response = upload(client, server, bytes).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    response.json::<Value>().await.expect("JSON")["attachment"].clone()
}

async fn download(client: &Client, server: &Server, attachment: &Value) -> reqwest::Result<Bytes> {
    let request = reqwest::Client::new().get(format!("{}{}", server.url, content_path(attachment)));
    let response = request.bearer_auth(client.token()).send().await.expect("an answer");
    assert_eq!(response.status(), StatusCode::OK);
    response.bytes().await
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn stored_files(installation: &Installation) -> Vec<PathBuf> {
    files(&installation.folder().join("data/attachments"))
}

#[tokio::test]
async fn a_file_is_uploaded_in_chunks_and_downloaded_again_after_a_restart() {
    let server = Server::start();
    let client = server.create_client("backup", SCOPES).await;
    let attachment = uploaded(&client, &server, bytes(5 * MIB)).await;
    let installation = server.kill();
    let server = Server::start_with(installation);
    let client = client.for_server(&server.url);
    assert!(download(&client, &server, &attachment).await.expect("all bytes") == bytes(5 * MIB), "other bytes");
}

#[tokio::test]
async fn a_client_that_waits_for_100_continue_sends_its_file_only_if_it_is_accepted() {
    let server = Server::start();
    let client = server.create_client("backup", SCOPES).await;
    let file = bytes(200_000);
    let fields = format!("Expect: 100-continue\r\nContent-Length: {}\r\n", file.len());
    for (token, status) in [("nonsense", "HTTP/1.1 401"), (client.token(), "HTTP/1.1 100")] {
        let mut reader = BufReader::new(connect(&server));
        reader.get_mut().write_all(head(token, &fields).as_bytes()).expect("the head is sent");
        assert!(read_head(&mut reader).starts_with(status), "{status}");
        if status.ends_with("100") {
            reader.get_mut().write_all(&file).expect("the file is sent");
            assert!(read_head(&mut reader).starts_with("HTTP/1.1 201"));
        }
    }
}

#[tokio::test]
async fn an_upload_whose_client_disconnects_leaves_no_file_and_is_in_the_audit_log() {
    let server = Server::start();
    let client = server.create_client("backup", SCOPES).await;
    let mut stream = connect(&server);
    stream.write_all(head(client.token(), "Content-Length: 1000000\r\n").as_bytes()).expect("the head is sent");
    stream.write_all(&bytes(300_000)).expect("a part is sent");
    eventually("the upload has begun", async || (!stored_files(server.installation()).is_empty()).then_some(())).await;
    drop(stream);
    let refused = "/api/v1/audit/entries?action=evidence_attachment.created.refused";
    let entry = eventually("the upload is in the audit log", async || {
        client.get(refused).await.body["entries"].as_array().expect("entries").first().cloned()
    })
    .await;
    assert_eq!((&entry["status"], &entry["actor"]["name"]), (&400.into(), &"backup".into()));
    assert_eq!(stored_files(server.installation()), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn a_file_is_uploaded_over_http2_while_other_requests_of_the_connection_are_answered() {
    let server = Server::start();
    let client = server.create_client("backup", SCOPES).await;
    let stream = tokio::net::TcpStream::connect(server.url.trim_start_matches("http://")).await.expect("a connection");
    let (calls, connection) = h2::client::handshake(stream).await.expect("a handshake");
    tokio::spawn(connection);
    let request = |method: &str, path: &str| {
        let request = hyper::Request::builder().method(method).uri(format!("http://test{path}"));
        request.header("authorization", format!("Bearer {}", client.token()))
    };
    let mut calls = calls.ready().await.expect("a connection");
    let post = request("POST", UPLOADS).header("content-disposition", "attachment; filename=report.csv");
    let (answer, mut body) = calls.send_request(post.body(()).expect("a request"), false).expect("it is sent");
    let mut file = Bytes::from(bytes(2 * MIB));
    while !file.is_empty() {
        body.reserve_capacity(file.len());
        let capacity =
            std::future::poll_fn(|context| body.poll_capacity(context)).await.expect("a window").expect("capacity");
        let piece = file.split_to(capacity.min(file.len()));
        if piece.len() + file.len() > MIB && file.len() <= MIB {
            let get = request("GET", "/api/v1/audit/entries?limit=1").body(()).expect("a request");
            let (other, _) = calls.send_request(get, true).expect("it is sent");
            assert_eq!(other.await.expect("an answer").status(), 200);
        }
        body.send_data(piece, file.is_empty()).expect("it is sent");
    }
    assert_eq!(answer.await.expect("an answer").status(), 201);
}

#[tokio::test]
async fn a_file_that_was_altered_on_the_disk_is_not_delivered_as_a_whole() {
    let server = Server::start();
    let client = server.create_client("backup", SCOPES).await;
    let attachment = uploaded(&client, &server, bytes(MIB)).await;
    let stored = stored_files(server.installation());
    let [file] = stored.as_slice() else { panic!("{stored:?}") };
    let mut altered = fs::read(file).expect("the file");
    altered[700_000] ^= 1;
    fs::write(file, altered).expect("it is written");
    assert!(download(&client, &server, &attachment).await.is_err(), "altered bytes were delivered");
    let log = server.log();
    assert!(log.contains("a stream was aborted: the content can't be read"), "{log}");
    assert!(log.contains("was altered"), "{log}");
    fs::remove_file(file).expect("it is removed");
    let answer = client.get(&content_path(&attachment)).await;
    assert_eq!(answer.status, 500);
    assert!(answer.body["message"].as_str().expect("a message").contains("are missing"), "{}", answer.body);
}

#[tokio::test]
async fn the_maximum_size_of_an_attachment_is_a_setting() {
    let server = Setup::new().unlimited().set("ATTACHMENTS_MAX_SIZE", "1").start();
    let client = server.create_client("backup", SCOPES).await;
    uploaded(&client, &server, bytes(MIB)).await;
    let fields = format!("Connection: close\r\nContent-Length: {}\r\n", MIB + 1);
    let mut stream = connect(&server);
    stream.write_all(head(client.token(), &fields).as_bytes()).expect("the head is sent");
    let mut response = String::new();
    stream.read_to_string(&mut response).expect("an answer");
    assert!(response.starts_with("HTTP/1.1 413 ") && response.contains("1048576"), "{response}");
}

#[tokio::test]
async fn of_the_downloads_over_a_connection_only_those_that_were_cut_off_are_recorded_as_aborted() {
    let server = Server::start();
    let client = server.create_client("backup", SCOPES).await;
    let (small, large) =
        (uploaded(&client, &server, bytes(10)).await, uploaded(&client, &server, bytes(20 * MIB)).await);
    for attachment in [&small, &large] {
        download(&client, &server, attachment).await.expect("all bytes");
    }
    let mut reader = BufReader::new(connect(&server));
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {}\r\n\r\n",
        content_path(&large),
        client.token()
    );
    reader.get_mut().write_all(request.as_bytes()).expect("the request is sent");
    assert!(read_head(&mut reader).starts_with("HTTP/1.1 200"));
    drop(reader);
    let aborted = "/api/v1/audit/entries?action=evidence_attachment.download_aborted";
    let entries = eventually("the abort is in the audit log", async || {
        let entries = client.get(aborted).await.body["entries"].as_array().expect("entries").clone();
        (!entries.is_empty()).then_some(entries)
    })
    .await;
    let subjects: Vec<_> = entries.iter().map(|entry| &entry["subject"]["id"]).collect();
    assert_eq!(subjects, [&large["id"]]);
}

#[tokio::test]
async fn a_hash_that_follows_the_body_is_checked() {
    let server = Server::start();
    let client = server.create_client("backup", SCOPES).await;
    for (digest, status) in [
        ("sha-256=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:", "HTTP/1.1 400"),
        ("sha-256=:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=:", "HTTP/1.1 201"),
    ] {
        let mut reader = BufReader::new(connect(&server));
        let fields = "Transfer-Encoding: chunked\r\nTrailer: Content-Digest\r\n";
        let body = format!("3\r\nabc\r\n0\r\nContent-Digest: {digest}\r\n\r\n");
        reader.get_mut().write_all((head(client.token(), fields) + &body).as_bytes()).expect("the file is sent");
        assert!(read_head(&mut reader).starts_with(status), "{digest}");
    }
}
