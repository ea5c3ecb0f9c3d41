//! Uploads and downloads of files that are not kept in memory.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use serde_json::Value;

use crate::failure::{Context, Failure, Outcome};

const TIMEOUT: Duration = Duration::from_secs(60);
const UPLOADS: &str = "/api/v1/governance/evidence/attachments";
/// The number of bytes that are sent or received at once.
const PIECE_BYTES: usize = 64 * 1024;

/// Uploads a file of this size, whose bytes depend on `seed`. Returns the path of its content.
pub(crate) fn upload(host: SocketAddr, token: &str, size: usize, seed: u64) -> Outcome<String> {
    let mut stream = connect(host)?;
    let head = format!(
        "POST {UPLOADS}?reason=measured+by+the+benchmark HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\n\
         content-disposition: attachment; filename=file-{seed}\r\nconnection: close\r\ncontent-length: {size}\r\n\r\n"
    );
    stream.write_all(head.as_bytes())?;
    let mut piece = vec![0; PIECE_BYTES];
    for start in (0..size).step_by(PIECE_BYTES) {
        // Each piece is another one, so that nothing is stored once for several files.
        piece[..8].copy_from_slice(&seed.to_be_bytes());
        piece[8..16].copy_from_slice(&start.to_be_bytes());
        stream.write_all(&piece[..PIECE_BYTES.min(size - start)])?;
    }
    let mut response = String::new();
    stream.read_to_string(&mut response)?;
    let (head, body) = response.split_once("\r\n\r\n").context(|| format!("{response:?} is no response"))?;
    if !head.starts_with("HTTP/1.1 201 ") {
        return Err(Failure::new(format!("an upload was answered with {response}")));
    }
    let body: Value = serde_json::from_str(body)?;
    let id = body["attachment"]["id"].as_str().context(|| format!("no id in {body}"))?;
    Ok(format!("{UPLOADS}/{id}/content"))
}

/// Downloads a file, and returns its size.
pub(crate) fn download(host: SocketAddr, token: &str, path: &str) -> Outcome<usize> {
    let mut stream = BufReader::with_capacity(PIECE_BYTES, connect(host)?);
    let head =
        format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n");
    stream.get_mut().write_all(head.as_bytes())?;
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head)? == 0 {
            return Err(Failure::new(format!("the connection closed after {head:?}")));
        }
    }
    if !head.starts_with("HTTP/1.1 200 ") {
        return Err(Failure::new(format!("a download was answered with {head}")));
    }
    let mut size = 0;
    loop {
        let length = stream.fill_buf()?.len();
        if length == 0 {
            return Ok(size);
        }
        size += length;
        stream.consume(length);
    }
}

fn connect(host: SocketAddr) -> Outcome<TcpStream> {
    let stream = TcpStream::connect(host).context(|| format!("can't connect to {host}"))?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
