//! A server that is stopped and restarted.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::{net::TcpStream, path::Path};

use novantra_postgres_cluster::{Cluster, MISSING, Shutdown, find};

fn takes_connections(cluster: &Cluster) -> bool {
    let (_, rest) = cluster.url().split_once('@').unwrap();
    TcpStream::connect(rest.split_once('/').unwrap().0).is_ok()
}

#[test]
fn a_server_comes_back_to_its_place_however_it_was_ended_and_is_gone_when_it_is_dropped() {
    let mut cluster = Cluster::start(&find().expect(MISSING), &[]).unwrap();
    let url = cluster.url().to_owned();
    for shutdown in [Shutdown::Fast, Shutdown::Immediate] {
        assert!(takes_connections(&cluster));
        cluster.stop(shutdown).unwrap();
        assert!(!takes_connections(&cluster));
        assert!(cluster.stop(shutdown).is_err(), "a stopped server can't be stopped again");
        cluster.start_again().unwrap();
        assert_eq!(cluster.url(), url);
    }
    let folder = cluster.folder().to_owned();
    drop(cluster);
    assert!(!Path::new(&folder).exists());
}

#[test]
fn a_server_that_keeps_its_log_in_files_is_seen_to_be_ready() {
    let cluster = Cluster::start(&find().expect(MISSING), &["logging_collector=on"]).unwrap();
    assert!(takes_connections(&cluster));
}
