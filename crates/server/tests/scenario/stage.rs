//! Where the scenario plays: on one server, or on several that are killed and started again in turns.

use std::sync::Arc;

use super::support::{Client, Credentials, Fleet, Havoc, Installation, Server};

pub(crate) enum Stage {
    One(Server),
    Several { fleet: Arc<Fleet>, havoc: Option<Havoc> },
}

impl Stage {
    /// One server with SQLite in its folder.
    pub(crate) fn sqlite() -> Self {
        Self::One(Server::start())
    }

    /// One server over PostgreSQL.
    pub(crate) async fn postgres() -> Self {
        Self::One(Server::over(Installation::on_postgres().await))
    }

    /// Two servers over PostgreSQL, of which at most one is there at times.
    pub(crate) async fn two_in_havoc() -> Self {
        let fleet = Fleet::start(Installation::on_postgres().await, 2);
        let havoc = Some(fleet.havoc());
        Self::Several { fleet, havoc }
    }

    pub(crate) fn installation(&self) -> &Installation {
        match self {
            Self::One(server) => server.installation(),
            Self::Several { fleet, .. } => fleet.installation(),
        }
    }

    /// Whether answers may be lost on their way, so that a call is made more often than it is answered.
    pub(crate) fn loses_answers(&self) -> bool {
        matches!(self, Self::Several { .. })
    }

    /// A client of whichever server is there.
    pub(crate) async fn client(&self, credentials: &Credentials) -> Client {
        match self {
            Self::One(server) => Client::with_token(&server.url, credentials).await,
            Self::Several { fleet, .. } => fleet.client(credentials).await,
        }
    }

    /// A client of each server alone.
    pub(crate) async fn clients(&self, credentials: &Credentials) -> Vec<Client> {
        match self {
            Self::One(server) => vec![Client::with_token(&server.url, credentials).await],
            Self::Several { fleet, .. } => fleet.clients(credentials).await,
        }
    }

    /// Starts every server anew. From here on all are there.
    pub(crate) async fn restarted(self) -> Self {
        match self {
            Self::One(server) => {
                let installation = server.installation().clone();
                assert!(server.stop().success());
                Self::One(Server::over(installation))
            }
            Self::Several { fleet, havoc } => {
                let kills = havoc.expect("havoc until here").end().await;
                println!("{kills} servers were killed and started again");
                for place in 0..fleet.len() {
                    fleet.kill(place);
                    fleet.start_again(place);
                }
                Self::Several { fleet, havoc: None }
            }
        }
    }

    /// Waits until every audit entry is sealed.
    pub(crate) async fn sealed(&self) {
        self.installation().sealed().await;
    }

    /// Stops every server, as an operator's system does. Leaves the installation.
    pub(crate) fn stop(self) -> Installation {
        let installation = self.installation().clone();
        match self {
            Self::One(server) => {
                let status = server.stop();
                assert!(status.success(), "{status}");
            }
            Self::Several { fleet, .. } => fleet.stop(),
        }
        installation
    }
}
