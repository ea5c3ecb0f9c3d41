//! The API over TLS, with certificates that are replaced while the server runs.

use std::{
    fs,
    net::SocketAddr,
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use rcgen::{CertificateParams, CertifiedKey, KeyPair};
use rustls::{
    ClientConfig, ProtocolVersion, RootCertStore,
    pki_types::{CertificateDer, ServerName},
    version::{TLS12, TLS13},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::support::{CommandOutput, Installation, Server, Setup, eventually};

type TestCertificate = CertifiedKey<KeyPair>;

const REQUEST: &[u8] = b"GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// An installation with a certificate and its key in its folder.
#[derive(Clone)]
struct TlsInstallation {
    installation: Installation,
    certificate: PathBuf,
    key: PathBuf,
}

impl TlsInstallation {
    fn new(pair: &TestCertificate) -> Self {
        let installation = Installation::new();
        let file = |name| installation.folder().join(name);
        let created = Self { certificate: file("tls.crt"), key: file("tls.key"), installation };
        created.write_certificate(pair);
        created
    }

    fn write_certificate(&self, pair: &TestCertificate) {
        fs::write(&self.certificate, pair.cert.pem()).expect("the file is written");
        fs::write(&self.key, pair.signing_key.serialize_pem()).expect("the file is written");
    }

    fn setup(&self) -> Setup {
        Setup::with_installation(self.installation.clone())
            .set("TLS_CERT", &self.certificate.to_string_lossy())
            .set("TLS_KEY", &self.key.to_string_lossy())
    }

    /// Runs `novantra check` or another command with the certificate settings.
    fn run(&self, arguments: &[&str]) -> CommandOutput {
        let files = [("NOVANTRA_TLS_CERT", &self.certificate), ("NOVANTRA_TLS_KEY", &self.key)];
        CommandOutput::from(
            self.installation.program().args(arguments).envs(files).output().expect("the program starts"),
        )
    }
}

/// A self-signed certificate for `localhost`, valid in this period.
fn certificate_valid_between(from: SystemTime, until: SystemTime) -> TestCertificate {
    let mut params = CertificateParams::new(["localhost".to_owned()]).expect("a name");
    (params.not_before, params.not_after) = (from.into(), until.into());
    let signing_key = KeyPair::generate().expect("a key");
    CertifiedKey { cert: params.self_signed(&signing_key).expect("a certificate"), signing_key }
}

#[expect(clippy::disallowed_methods, reason = "the program under test uses the real time")]
fn now() -> SystemTime {
    SystemTime::now()
}

fn certificate_valid_for_days(days: u32) -> TestCertificate {
    certificate_valid_between(now() - DAY, now() + DAY * days)
}

fn der(pair: &TestCertificate) -> CertificateDer<'static> {
    pair.cert.der().clone()
}

fn address(server: &Server) -> SocketAddr {
    server.url.strip_prefix("https://").expect("the server reports an https URL").parse().expect("an address")
}

/// Connects with a client that trusts only these certificates.
async fn connect_with(
    server: &Server,
    trusted: &[&TestCertificate],
    configure: impl FnOnce(&mut ClientConfig),
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(trusted.iter().map(|pair| der(pair)));
    let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    configure(&mut config);
    let name = ServerName::try_from("localhost").expect("a name");
    TlsConnector::from(Arc::new(config)).connect(name, TcpStream::connect(address(server)).await?).await
}

async fn connect(server: &Server, trusted: &[&TestCertificate]) -> TlsStream<TcpStream> {
    connect_with(server, trusted, |_| {}).await.expect("a handshake")
}

fn presented_certificate(stream: &TlsStream<TcpStream>) -> CertificateDer<'static> {
    stream.get_ref().1.peer_certificates().expect("a chain")[0].clone().into_owned()
}

/// Requests an unknown path and reads the response with its error envelope.
async fn request(stream: &mut TlsStream<TcpStream>) -> String {
    stream.write_all(REQUEST).await.expect("the request is sent");
    let mut answer = Vec::new();
    while !answer.ends_with(b"}") {
        assert!(stream.read_buf(&mut answer).await.expect("an answer") > 0, "the connection ended");
    }
    String::from_utf8(answer).expect("text")
}

/// Waits until new connections get this certificate.
async fn wait_for_certificate(server: &Server, trusted: &[&TestCertificate], wanted: &TestCertificate) {
    eventually("new connections get the new certificate", async || {
        (presented_certificate(&connect(server, trusted).await) == der(wanted)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn new_connections_get_a_new_certificate_with_or_without_sighup() {
    let [first, second, third] =
        [certificate_valid_for_days(300), certificate_valid_for_days(300), certificate_valid_for_days(300)];
    let all = [&first, &second, &third];
    let tls = TlsInstallation::new(&first);
    let server = tls.setup().start();
    let mut old = connect(&server, &all).await;
    assert_eq!(presented_certificate(&old), der(&first));
    assert!(request(&mut old).await.starts_with("HTTP/1.1 404"));

    tls.write_certificate(&second);
    server.signal("HUP");
    wait_for_certificate(&server, &all, &second).await;
    tls.write_certificate(&third);
    wait_for_certificate(&server, &all, &third).await;
    assert!(request(&mut old).await.starts_with("HTTP/1.1 404"), "the old connection must stay open");
    assert!(server.stop().success());
}

#[tokio::test]
async fn a_broken_certificate_is_logged_and_the_old_one_stays_in_use() {
    let [first, second] = [certificate_valid_for_days(300), certificate_valid_for_days(200)];
    let tls = TlsInstallation::new(&first);
    let server = tls.setup().start();
    // A file that is seen while it is written counts as a failure of its own.
    let written = tls.certificate.with_extension("new");
    fs::write(&written, second.cert.pem()).unwrap();
    fs::rename(&written, &tls.certificate).unwrap();
    server.signal("HUP");
    eventually("the failure is logged", async || server.log().contains("is not the key of").then_some(())).await;
    assert_eq!(presented_certificate(&connect(&server, &[&first]).await), der(&first));
    let metrics = server.probe("/metrics").await.1;
    assert!(metrics.contains("novantra_tls_certificate_refused_total 1"), "{metrics}");

    fs::remove_file(&tls.key).unwrap();
    server.signal("HUP");
    eventually("the failure is logged", async || server.log().contains("can't read").then_some(())).await;
    assert_eq!(presented_certificate(&connect(&server, &[&first]).await), der(&first));

    tls.write_certificate(&second);
    server.signal("HUP");
    wait_for_certificate(&server, &[&first, &second], &second).await;
}

#[tokio::test]
async fn metrics_report_the_certificate_expiry() {
    let (until, later) = (now() + DAY * 100, now() + DAY * 200);
    let tls = TlsInstallation::new(&certificate_valid_between(now() - DAY, until));
    let server = tls.setup().start();
    let reports = async |until: SystemTime| {
        let seconds = until.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        let line = format!("novantra_tls_certificate_expiry_timestamp_seconds {seconds}\n");
        eventually("the metrics contain the expiry", async || {
            server.probe("/metrics").await.1.contains(&line).then_some(())
        })
        .await;
    };
    reports(until).await;
    tls.write_certificate(&certificate_valid_between(now() - DAY, later));
    server.signal("HUP");
    reports(later).await;
}

#[tokio::test]
async fn both_supported_versions_of_tls_and_of_http_are_negotiated() {
    let pair = certificate_valid_for_days(300);
    let server = TlsInstallation::new(&pair).setup().start();
    for (version, expected) in [(&TLS12, ProtocolVersion::TLSv1_2), (&TLS13, ProtocolVersion::TLSv1_3)] {
        let mut roots = RootCertStore::empty();
        roots.add(der(&pair)).unwrap();
        let only = ClientConfig::builder_with_protocol_versions(&[version]);
        let only = only.with_root_certificates(roots).with_no_client_auth();
        let mut stream = connect_with(&server, &[], |config| *config = only).await.unwrap();
        assert_eq!(stream.get_ref().1.protocol_version(), Some(expected));
        assert!(request(&mut stream).await.starts_with("HTTP/1.1 404"));
    }
    for (offered, chosen) in [(vec!["http/1.1"], "http/1.1"), (vec!["http/1.1", "h2"], "h2")] {
        let offered = offered.into_iter().map(|name| name.as_bytes().to_vec()).collect();
        let stream = connect_with(&server, &[&pair], |config| config.alpn_protocols = offered).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(chosen.as_bytes()));
        if chosen == "h2" {
            let (mut calls, connection) = h2::client::handshake(stream).await.unwrap();
            tokio::spawn(connection);
            let request = hyper::Request::get("https://localhost/nowhere").body(()).unwrap();
            let (answer, _) = calls.send_request(request, true).unwrap();
            assert_eq!(answer.await.unwrap().status(), 404);
        }
    }
}

#[tokio::test]
async fn every_response_over_tls_tells_browsers_to_stay_with_tls() {
    let pair = certificate_valid_for_days(300);
    let server = TlsInstallation::new(&pair).setup().start();
    let answer = request(&mut connect(&server, &[&pair]).await).await;
    assert!(answer.contains("\r\nstrict-transport-security: max-age=31536000\r\n"), "{answer}");
}

#[tokio::test]
async fn a_failed_handshake_is_logged_at_debug_level_and_does_not_affect_other_clients() {
    let pair = certificate_valid_for_days(300);
    let server = TlsInstallation::new(&pair).setup().set("LOG_LEVEL", "novantra=debug").start();
    let mut plain = TcpStream::connect(address(&server)).await.unwrap();
    plain.write_all(REQUEST).await.unwrap();
    plain.read_to_end(&mut Vec::new()).await.unwrap();
    connect_with(&server, &[], |_| {}).await.unwrap_err();
    assert!(request(&mut connect(&server, &[&pair]).await).await.starts_with("HTTP/1.1 404"));
    let lines = || {
        server
            .log()
            .lines()
            .filter(|line| line.contains("the TLS handshake failed"))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    eventually("both failures are logged", async || (lines().len() == 2).then_some(())).await;
    assert!(lines().iter().all(|line| line.contains("DEBUG")), "{:?}", lines());
}

#[tokio::test]
async fn a_request_in_flight_over_tls_is_answered_after_the_server_is_asked_to_stop() {
    let pair = certificate_valid_for_days(300);
    let mut server = TlsInstallation::new(&pair).setup().start();
    let credentials = server.create_account("slow", &["governance.findings:read"]);
    let body = serde_json::json!({
        "grant_type": "client_credentials",
        "client_id": credentials.client_id,
        "client_secret": credentials.client_secret,
    });
    let body = body.to_string();
    let head = format!(
        "POST /api/v1/auth/token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = connect(&server, &[&pair]).await;
    stream.write_all(head.as_bytes()).await.unwrap();
    eventually("the request is in flight", async || {
        server.probe("/metrics").await.1.contains("novantra_http_requests_in_flight 1").then_some(())
    })
    .await;
    server.signal("TERM");
    let refused = async || TcpStream::connect(address(&server)).await.is_err().then_some(());
    eventually("new connections are refused", refused).await;
    stream.write_all(body.as_bytes()).await.unwrap();
    // The read fails unless the server closes the TLS connection properly.
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(server.wait().success());
}

#[test]
fn a_server_does_not_start_with_a_key_that_does_not_match_its_certificate() {
    let tls = TlsInstallation::new(&certificate_valid_for_days(300));
    fs::write(&tls.key, certificate_valid_for_days(300).signing_key.serialize_pem()).unwrap();
    let ran = tls.run(&["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
    assert_eq!(ran.status.code(), Some(1));
    assert!(ran.stderr.contains("is not the key of"), "{}", ran.stderr);
    assert!(!tls.installation.folder().join("data/novantra.db").exists(), "the server must not create a database");
}

#[test]
fn check_verifies_the_certificate() {
    let tls = TlsInstallation::new(&certificate_valid_for_days(300));
    assert!(tls.run(&["workspace", "create", "--slug", "acme", "--name", "Acme"]).status.success());
    let check = |pair: &TestCertificate| {
        tls.write_certificate(pair);
        let ran = tls.run(&["check", "--json"]);
        let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        let checks = report["checks"].as_array().unwrap();
        let result = checks.iter().find(|check| check["about"] == "certificate").expect("the check ran").clone();
        (result["ok"].as_bool().unwrap(), result["message"].as_str().unwrap().to_owned())
    };
    let (ok, message) = check(&certificate_valid_for_days(300));
    assert!(ok && message.starts_with("valid until"), "{message}");
    let (ok, message) = check(&certificate_valid_for_days(10));
    assert!(ok && message.contains("renew it"), "{message}");
    let (ok, message) = check(&certificate_valid_between(now() - DAY * 2, now() - DAY));
    assert!(!ok && message.contains("expired on"), "{message}");
    let mut mixed = certificate_valid_for_days(300);
    mixed.signing_key = KeyPair::generate().unwrap();
    let (ok, message) = check(&mixed);
    assert!(!ok && message.contains("is not the key of"), "{message}");
}
