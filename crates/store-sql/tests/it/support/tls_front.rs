//! A TLS proxy in front of PostgreSQL that negotiates TLS as a server with a certificate does.

use std::sync::Arc;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig};

/// The message with which a client requests TLS.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// Starts a proxy for the server of this URL, and returns its port.
pub(crate) async fn start(url: &str, config: ServerConfig) -> u16 {
    let (_, rest) = url.split_once('@').unwrap();
    let server = rest.split('/').next().unwrap().to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(serve(client, server.clone(), acceptor.clone()));
        }
    });
    port
}

/// Serves one connection. Clients may disconnect at any time.
async fn serve(mut client: TcpStream, server: String, acceptor: TlsAcceptor) -> std::io::Result<()> {
    let mut first = [0; 8];
    client.read_exact(&mut first).await?;
    let mut server = TcpStream::connect(&server).await?;
    if first == SSL_REQUEST {
        client.write_all(b"S").await?;
        copy_bidirectional(&mut acceptor.accept(client).await?, &mut server).await?;
    } else {
        server.write_all(&first).await?;
        copy_bidirectional(&mut client, &mut server).await?;
    }
    Ok(())
}
