//! The deployment under test: one server, or several that are killed and restarted in turns.

use std::sync::Arc;

use super::support::{Client, Credentials, Installation, KillLoop, Server, ServerCluster};

pub(crate) enum Deployment {
    One(Server),
    Several { servers: Arc<ServerCluster>, kill_loop: Option<KillLoop> },
}

impl Deployment {
    /// One server with SQLite in its data folder.
    pub(crate) fn sqlite() -> Self {
        Self::One(Server::start())
    }

    /// One server over PostgreSQL.
    pub(crate) async fn postgres() -> Self {
        Self::One(Server::start_with(Installation::with_new_postgres().await))
    }

    /// Two servers over PostgreSQL, of which at most one is down at a time.
    pub(crate) async fn two_with_kill_loop() -> Self {
        let servers = ServerCluster::start(Installation::with_new_postgres().await, 2);
        let kill_loop = Some(servers.start_kill_loop());
        Self::Several { servers, kill_loop }
    }

    pub(crate) fn installation(&self) -> &Installation {
        match self {
            Self::One(server) => server.installation(),
            Self::Several { servers, .. } => servers.installation(),
        }
    }

    /// Whether responses may be lost, so that a request is sent more often than it is answered.
    pub(crate) fn may_lose_responses(&self) -> bool {
        matches!(self, Self::Several { .. })
    }

    /// A client of any running server.
    pub(crate) async fn client(&self, credentials: &Credentials) -> Client {
        match self {
            Self::One(server) => Client::with_token(&server.url, credentials).await,
            Self::Several { servers, .. } => servers.client(credentials).await,
        }
    }

    /// One client per server.
    pub(crate) async fn clients(&self, credentials: &Credentials) -> Vec<Client> {
        match self {
            Self::One(server) => vec![Client::with_token(&server.url, credentials).await],
            Self::Several { servers, .. } => servers.clients(credentials).await,
        }
    }

    /// Restarts every server. From here on, all of them run.
    pub(crate) async fn restart(self) -> Self {
        match self {
            Self::One(server) => {
                let installation = server.installation().clone();
                assert!(server.stop().success());
                Self::One(Server::start_with(installation))
            }
            Self::Several { servers, kill_loop } => {
                let kills = kill_loop.expect("the kill loop runs until here").stop().await;
                println!("{kills} servers were killed and restarted");
                for index in 0..servers.len() {
                    servers.kill(index);
                    servers.restart(index);
                }
                Self::Several { servers, kill_loop: None }
            }
        }
    }

    /// Waits until every audit entry is sealed.
    pub(crate) async fn wait_until_sealed(&self) {
        self.installation().wait_until_sealed().await;
    }

    /// Stops every server with SIGTERM; returns the installation.
    pub(crate) fn stop(self) -> Installation {
        let installation = self.installation().clone();
        match self {
            Self::One(server) => {
                let status = server.stop();
                assert!(status.success(), "{status}");
            }
            Self::Several { servers, .. } => servers.stop(),
        }
        installation
    }
}
