//! Request bodies that stop arriving.

use std::net::TcpStream;

use super::{Bystander, observe};
use crate::{
    context::BenchContext,
    failure::Outcome,
    http::{Request, client_address, send},
    report::Table,
    sample,
    sections::{Section, workload::LIST},
    servers::{Novantra, create_folder},
};

const TOKEN: &str = "/api/v1/auth/token";
const MEBIBYTE: usize = 1024 * 1024;

/// Clients that each send all but the last byte of a body.
struct Stalled<'a> {
    label: &'a str,
    connections: usize,
    method: &'a str,
    path: String,
    bytes: usize,
    token: Option<&'a str>,
}

pub(in crate::sections) fn measure(bench: &BenchContext) -> Outcome<Table> {
    let server = Novantra::start(bench.binary(), create_folder(bench.folder())?, &[])?;
    let host = server.host()?;
    let greedy = server.issue_token(&server.create_account("greedy")?)?;
    let account = server.create_account("bystander")?;
    let other = server.issue_token(&account)?;
    let bystander = Bystander {
        host,
        requests: vec![
            account.token_request(),
            Request::post(format!("{LIST}/batch"), sample::batch(0, 1)).bearer(&other),
            Request::get(format!("{LIST}?limit=1")).bearer(&other),
        ],
    };
    let batch = format!("{LIST}/batch");
    let mut rows = Vec::new();
    for stalled in [
        Stalled {
            label: "17 strangers, 1 MiB",
            connections: 17,
            method: "POST",
            path: TOKEN.into(),
            bytes: MEBIBYTE,
            token: None,
        },
        Stalled {
            label: "400 strangers, 16 KiB",
            connections: 400,
            method: "POST",
            path: TOKEN.into(),
            bytes: 16 * 1024,
            token: None,
        },
        Stalled {
            label: "64 reads, 1 MiB",
            connections: 64,
            method: "GET",
            path: LIST.into(),
            bytes: MEBIBYTE,
            token: Some(&greedy),
        },
        Stalled {
            label: "64 writes, 1 MiB",
            connections: 64,
            method: "POST",
            path: batch,
            bytes: MEBIBYTE,
            token: Some(&greedy),
        },
    ] {
        rows.extend(observe(&server, &bystander, stalled.label, || stalled.open(host))?);
    }
    Ok(Table {
        name: "stalled-bodies",
        title: Section::StalledBodies.title(),
        method: "Clients that send all but the last byte of a body, from one address; highest resident memory in 7 s, minus \
                 that before; another account gets tokens, writes and reads, a call every 50 ms."
            .to_owned(),
        rows,
    })
}

impl Stalled<'_> {
    fn open(&self, host: std::net::SocketAddr) -> Outcome<Vec<TcpStream>> {
        let Self { method, path, bytes, token, .. } = self;
        let authorization = token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n{authorization}content-length: {bytes}\r\n\r\n"
        )
        .into_bytes();
        request.extend(std::iter::repeat_n(b' ', bytes - 1));
        (0..self.connections).map(|_| send(host, client_address(0), &request)).collect()
    }
}
