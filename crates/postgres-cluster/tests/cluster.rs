//! A server that is stopped and restarted.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::{net::TcpStream, path::Path};

use novantra_postgres_cluster::{Cluster, INSTALL_HINT, Shutdown, find_programs};

fn accepts_connections(cluster: &Cluster) -> bool {
    let (_, rest) = cluster.url().split_once('@').unwrap();
    TcpStream::connect(rest.split_once('/').unwrap().0).is_ok()
}

#[test]
fn a_server_restarts_on_its_port_after_any_shutdown_and_its_files_are_deleted_on_drop() {
    let mut cluster = Cluster::start(&find_programs().expect(INSTALL_HINT), &[]).unwrap();
    let url = cluster.url().to_owned();
    for shutdown in [Shutdown::Fast, Shutdown::Immediate] {
        assert!(accepts_connections(&cluster));
        cluster.stop(shutdown).unwrap();
        assert!(!accepts_connections(&cluster));
        assert!(cluster.stop(shutdown).is_err(), "a stopped server can't be stopped again");
        cluster.restart().unwrap();
        assert_eq!(cluster.url(), url);
    }
    let folder = cluster.folder().to_owned();
    drop(cluster);
    assert!(!Path::new(&folder).exists());
}

#[test]
fn a_server_that_logs_to_files_is_recognized_as_ready() {
    let cluster = Cluster::start(&find_programs().expect(INSTALL_HINT), &["logging_collector=on"]).unwrap();
    assert!(accepts_connections(&cluster));
}
