//! Limits on what a connection may send before there is a request to answer.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use crate::support::{Client, Server, Setup};

const KIB: usize = 1024;

/// Sends a request and reads everything that is returned.
fn exchange(server: &Server, request: &str) -> String {
    let mut stream = TcpStream::connect(server.url.trim_start_matches("http://")).expect("a connection");
    stream.write_all(request.as_bytes()).expect("the request is sent");
    let mut response = String::new();
    stream.read_to_string(&mut response).expect("an answer");
    response
}

fn request(target: &str, fields: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n{fields}\r\n")
}

/// Asserts that a response has this status and is an error envelope.
fn assert_error_envelope(response: &str, status: u16, error: &str) {
    let (head, body) = response.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
    let id = head.lines().find_map(|line| line.strip_prefix("x-request-id: ")).expect("an id");
    let body: serde_json::Value = serde_json::from_str(body).expect("JSON");
    assert_eq!((&body["error"], &body["requestId"]), (&error.into(), &id.into()));
}

#[tokio::test]
async fn oversized_headers_are_refused_with_an_error_envelope() {
    let server = Server::start();
    let long = format!("/api/v1/openapi.json?x={}", "x".repeat(60 * KIB));
    assert_error_envelope(&exchange(&server, &request(&long, "")), 414, "uri_too_long");
    let wide = format!("X-Filler: {}\r\n", "x".repeat(50 * KIB));
    assert_error_envelope(&exchange(&server, &request("/api/v1/openapi.json", &wide)), 431, "header_fields_too_large");
    assert_error_envelope(
        &exchange(&server, &request("/api/v1/organization", "X-Small: x\r\n")),
        401,
        "unauthenticated",
    );
}

#[tokio::test]
async fn oversized_headers_are_refused_over_http2() {
    let server = Server::start();
    let stream = tokio::net::TcpStream::connect(server.url.trim_start_matches("http://")).await.unwrap();
    let (calls, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let mut calls = calls.ready().await.unwrap();
    let call = hyper::Request::get("http://test/api/v1/openapi.json").header("x-filler", "x".repeat(34 * KIB));
    let (answer, _) = calls.send_request(call.body(()).unwrap(), true).unwrap();
    let answer = answer.await.unwrap();
    assert_eq!(answer.status(), 431);
    assert!(answer.headers().contains_key("x-request-id"));
}

#[tokio::test]
async fn malformed_requests_are_refused_and_do_not_affect_other_clients() {
    let server = Server::start();
    let endless = format!("X-Filler: {}\r\n", "x".repeat(200 * KIB));
    let many = "X-Filler: x\r\n".repeat(200);
    for (sent, status) in [
        ("nonsense\r\n\r\n".to_owned(), 400),
        (request("/", "no colon\r\n"), 400),
        (request("/", "Content-Length: x\r\n"), 400),
        (request("/", &endless), 431),
        (request("/", &many), 431),
    ] {
        let response = exchange(&server, &sent);
        assert!(response.starts_with(&format!("HTTP/1.1 {status} ")), "{response:?}");
    }
    assert_error_envelope(&exchange(&server, &request("/api/v1/organization", "")), 401, "unauthenticated");
}

#[tokio::test]
async fn a_request_without_one_host_or_with_another_coding_than_chunked_is_refused() {
    let server = Server::start();
    let head = |fields: &str| format!("GET /api/v1/openapi.json HTTP/1.1\r\nConnection: close\r\n{fields}\r\n");
    for fields in ["", "Host: a\r\nHost: b\r\n", "Host: a\r\nTransfer-Encoding: gzip, chunked\r\n"] {
        let ended = if fields.contains("chunked") { "0\r\n\r\n" } else { "" };
        assert_error_envelope(&exchange(&server, &format!("{}{ended}", head(fields))), 400, "validation");
    }
    for fields in ["Host: a\r\nTransfer-Encoding: gzip\r\n", "Host: a\r\nTransfer-Encoding: chunked, gzip\r\n"] {
        let response = exchange(&server, &head(fields));
        assert!(response.starts_with("HTTP/1.1 400 "), "{response:?}");
    }
    assert!(exchange(&server, &head("Host: a\r\n")).starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn a_request_with_a_length_and_chunks_ends_its_connection_so_that_none_can_be_hidden_in_it() {
    let server = Server::start();
    let (length, chunks) = ("Content-Length: 4\r\n", "Transfer-Encoding: chunked\r\n");
    for fields in [format!("{length}{chunks}"), format!("{chunks}{length}")] {
        let hidden = "0\r\n\r\nGET /api/v1/openapi.json HTTP/1.1\r\nHost: test\r\n\r\n";
        let response =
            exchange(&server, &format!("POST /api/v1/auth/token HTTP/1.1\r\nHost: test\r\n{fields}\r\n{hidden}"));
        assert_eq!(response.matches("HTTP/1.1 ").count(), 1, "{response}");
        assert!(response.to_ascii_lowercase().contains("connection: close"), "{response}");
    }
}

#[tokio::test]
async fn a_client_that_sends_all_of_a_too_large_body_reads_the_413() {
    let server = Server::start();
    let mut stream = TcpStream::connect(server.url.trim_start_matches("http://")).expect("a connection");
    let body = vec![b' '; 4 * 1024 * KIB];
    let head = format!(
        "POST /api/v1/auth/token HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).expect("the head is sent");
    stream.write_all(&body).expect("the body is sent");
    let mut response = String::new();
    stream.read_to_string(&mut response).expect("an answer");
    assert_error_envelope(&response, 413, "payload_too_large");
}

#[tokio::test]
async fn stalled_bodies_of_one_address_hinder_no_token_call_of_another() {
    let server = Setup::new().argument("--trusted-proxy=127.0.0.1").start();
    let credentials = server.create_account("scanner", &["governance.findings:read"]);
    let mut stalled = Vec::new();
    for announced in [16 * KIB, 1024 * KIB].into_iter().cycle().take(200) {
        let mut stream = TcpStream::connect(server.url.trim_start_matches("http://")).expect("a connection");
        let head = format!(
            "POST /api/v1/auth/token HTTP/1.1\r\nHost: test\r\nX-Forwarded-For: 198.51.100.1\r\n\
             Content-Length: {announced}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).expect("the head is sent");
        // The server may close the connection of a body that is announced as too large.
        let _ = stream.write_all(&vec![b' '; announced - 1]);
        stalled.push(stream);
    }
    let client = Client::new(&server.url);
    assert_eq!(client.request_token(&credentials).await.status, 200);
}
