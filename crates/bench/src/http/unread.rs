//! Clients that send requests and read nothing.

use std::{
    io::Write,
    net::{Ipv4Addr, SocketAddr, TcpStream},
};

use tokio::{net::TcpSocket, runtime};

use crate::{
    failure::{Context, Outcome},
    http::request::Request,
};

/// The size of the receive buffer, in bytes: as little as the system allows, so that it hides no response.
const RECEIVE_BUFFER: u32 = 4096;

/// The beginning of an HTTP/2 connection whose client accepts no data of any response (RFC 9113 § 3.4, § 6.5.2).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x04\x00\x00\x00\x00";

/// The address of the client with this number, in a network of its own.
pub(crate) fn client_address(number: usize) -> Ipv4Addr {
    let [high, low] = u16::try_from(number).unwrap_or_default().to_be_bytes();
    Ipv4Addr::new(127, 1 + high, low, 1)
}

/// Opens a connection from this local address and sends these bytes.
pub(crate) fn send(host: SocketAddr, from: Ipv4Addr, bytes: &[u8]) -> Outcome<TcpStream> {
    let runtime = runtime::Builder::new_current_thread().enable_io().build()?;
    let stream = runtime.block_on(async {
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
        socket.bind((from, 0).into())?;
        socket.connect(host).await?.into_std()
    });
    let mut stream = stream.context(|| format!("can't connect from {from} to {host}"))?;
    stream.set_nonblocking(false)?;
    // The server may close the connection before it has received all.
    drop(stream.write_all(bytes));
    Ok(stream)
}

/// Returns the bytes of an HTTP/2 connection with `streams` requests for a path.
pub(crate) fn http2_requests(host: SocketAddr, request: &Request, streams: u32) -> Vec<u8> {
    let mut block = Vec::new();
    let authority = host.to_string();
    let fixed = [(":method", "GET"), (":scheme", "http"), (":path", request.path()), (":authority", &authority)];
    for (name, value) in fixed.into_iter().chain(request.headers()) {
        // A literal that is not indexed, with a literal name (RFC 7541 § 6.2.2).
        block.push(0);
        for text in [name, value] {
            push_length(&mut block, text.len());
            block.extend_from_slice(text.as_bytes());
        }
    }
    let mut bytes = PREFACE.to_vec();
    for number in 0..streams {
        // A frame of the type HEADERS with the flags END_STREAM and END_HEADERS.
        bytes.extend_from_slice(&u32::try_from(block.len()).unwrap_or_default().to_be_bytes()[1..]);
        bytes.extend_from_slice(&[1, 5]);
        bytes.extend_from_slice(&(2 * number + 1).to_be_bytes());
        bytes.extend_from_slice(&block);
    }
    bytes
}

/// Appends the length of a text that is not compressed (RFC 7541 § 5.1).
fn push_length(block: &mut Vec<u8>, length: usize) {
    const PREFIX: usize = 0x7f;
    if length < PREFIX {
        block.push(length as u8);
        return;
    }
    block.push(PREFIX as u8);
    let mut rest = length - PREFIX;
    while rest >= 0x80 {
        block.push((rest % 0x80) as u8 | 0x80);
        rest /= 0x80;
    }
    block.push(rest as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_encoded_as_in_the_examples_of_rfc_7541() {
        let encoded = |length| {
            let mut block = Vec::new();
            push_length(&mut block, length);
            block
        };
        assert_eq!(encoded(10), [10]);
        assert_eq!(encoded(126), [126]);
        assert_eq!(encoded(127), [127, 0]);
        assert_eq!(encoded(1337), [127, 0xba, 0x09]);
    }

    #[test]
    fn each_stream_has_a_frame_with_an_odd_number() {
        let host = SocketAddr::from(([127, 0, 0, 1], 80));
        let bytes = http2_requests(host, &Request::get("/x"), 2);
        let frames = &bytes[PREFACE.len()..];
        let length = usize::from(frames[2]) + 9;
        assert_eq!((&frames[3..9], frames.len()), (&[1, 5, 0, 0, 0, 1][..], 2 * length));
        assert_eq!(frames[length + 3..length + 9], [1, 5, 0, 0, 0, 3]);
    }

    #[test]
    fn clients_have_addresses_in_different_networks() {
        assert_eq!(client_address(0).to_string(), "127.1.0.1");
        assert_eq!(client_address(257).to_string(), "127.2.1.1");
    }
}
