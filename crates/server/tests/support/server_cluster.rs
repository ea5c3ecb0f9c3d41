//! Several servers of one installation.

use std::{
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use tokio::task::JoinHandle;

use super::{Balancer, Client, Credentials, Installation, PollTimer, Server, Setup, server::probe};

/// The number of requests after which the next server is killed.
const REQUESTS_BETWEEN_KILLS: usize = 40;
/// The maximum duration of a kill loop.
const KILL_LOOP_TIMEOUT: Duration = Duration::from_secs(1800);

/// Several servers of one installation, each with an index.
pub(crate) struct ServerCluster {
    installation: Installation,
    setup: Box<dyn Fn(usize, Setup) -> Setup + Send + Sync>,
    servers: Vec<Mutex<Option<Server>>>,
    balancer: Balancer,
}

/// Kills and restarts servers in turns until it is stopped.
pub(crate) struct KillLoop {
    stopped: Arc<AtomicBool>,
    killed: Arc<AtomicUsize>,
    kills: Option<JoinHandle<usize>>,
}

impl ServerCluster {
    /// Starts `count` servers concurrently, with rate limits that never apply.
    pub(crate) fn start(installation: Installation, count: usize) -> Arc<Self> {
        Self::start_with(installation, count, |_, setup| setup)
    }

    /// Starts `count` servers concurrently, each with the setup for its index.
    pub(crate) fn start_with(
        installation: Installation,
        count: usize,
        setup: impl Fn(usize, Setup) -> Setup + Send + Sync + 'static,
    ) -> Arc<Self> {
        let setup = Box::new(setup);
        let servers: Vec<Server> = thread::scope(|scope| {
            let start = |index| {
                let (installation, setup) = (installation.clone(), &setup);
                scope.spawn(move || setup(index, base_setup(installation, index)).start())
            };
            let starting: Vec<_> = (0..count).map(start).collect();
            starting.into_iter().map(|server| server.join().expect("a server")).collect()
        });
        let balancer = Balancer::new(servers.iter().map(|server| server.url.clone()).collect());
        let servers = servers.into_iter().map(|server| Mutex::new(Some(server))).collect();
        Arc::new(Self { installation, setup, servers, balancer })
    }

    pub(crate) fn installation(&self) -> &Installation {
        &self.installation
    }

    /// The number of servers.
    pub(crate) fn len(&self) -> usize {
        self.servers.len()
    }

    /// The URL of each server.
    pub(crate) fn urls(&self) -> Vec<String> {
        (0..self.len()).map(|index| self.balancer.url(index)).collect()
    }

    /// A client whose requests go to all servers in turn, skipping those that are down.
    pub(crate) async fn client(&self, credentials: &Credentials) -> Client {
        Client::with_balancer(&self.balancer, credentials).await
    }

    /// One client per server, all with the same token.
    pub(crate) async fn clients(&self, credentials: &Credentials) -> Vec<Client> {
        let first = Client::with_token(&self.balancer.url(0), credentials).await;
        self.urls().iter().map(|url| first.for_server(url)).collect()
    }

    /// Calls a function with the server with this index.
    pub(crate) fn with_server<T>(&self, index: usize, call: impl FnOnce(&Server) -> T) -> T {
        call(self.slot(index).as_ref().expect("the server is running"))
    }

    /// Sends a GET request to the admin listener of a server.
    pub(crate) async fn probe(&self, index: usize, path: &str) -> (u16, String) {
        let admin_url = self.with_server(index, |server| server.admin_url.clone());
        probe(&admin_url, path).await
    }

    /// Kills a server immediately.
    pub(crate) fn kill(&self, index: usize) {
        self.take(index).kill();
    }

    /// Restarts a server that is down.
    pub(crate) fn restart(&self, index: usize) {
        let mut slot = self.slot(index);
        assert!(slot.is_none(), "the server is already running");
        let server = (self.setup)(index, base_setup(self.installation.clone(), index)).start();
        self.balancer.set_url(index, &server.url);
        *slot = Some(server);
    }

    /// Stops all servers with SIGTERM, and waits until they have exited.
    pub(crate) fn stop(&self) {
        let servers: Vec<Server> = (0..self.len()).map(|index| self.take(index)).collect();
        servers.iter().for_each(|server| server.signal("TERM"));
        for mut server in servers {
            let status = server.wait();
            assert!(status.success(), "{status}: {}", server.log());
        }
    }

    /// Starts to kill and restart one server after another, so that at most one is down at a time. Each runs for some
    /// requests.
    pub(crate) fn start_kill_loop(self: &Arc<Self>) -> KillLoop {
        let (servers, stopped) = (Arc::clone(self), Arc::new(AtomicBool::new(false)));
        let loop_stopped = Arc::clone(&stopped);
        let killed = Arc::new(AtomicUsize::new(0));
        let loop_killed = Arc::clone(&killed);
        let kills = tokio::spawn(async move {
            let (mut kills, mut calls) = (0, servers.balancer.call_count());
            let mut timer = PollTimer::new("the end of the kill loop", KILL_LOOP_TIMEOUT);
            while !loop_stopped.load(Ordering::Relaxed) {
                timer.tick().await;
                if servers.balancer.call_count() < calls + REQUESTS_BETWEEN_KILLS {
                    continue;
                }
                let (killing, index) = (Arc::clone(&servers), kills % servers.len());
                let restarted = tokio::task::spawn_blocking(move || {
                    killing.kill(index);
                    killing.restart(index);
                });
                restarted.await.expect("the server restarts");
                loop_killed.fetch_add(1, Ordering::Relaxed);
                (kills, calls) = (kills + 1, servers.balancer.call_count());
            }
            kills
        });
        KillLoop { stopped, killed, kills: Some(kills) }
    }

    fn take(&self, index: usize) -> Server {
        self.slot(index).take().expect("the server is running")
    }

    fn slot(&self, index: usize) -> MutexGuard<'_, Option<Server>> {
        self.servers[index].lock().expect("no panic")
    }
}

fn base_setup(installation: Installation, index: usize) -> Setup {
    Setup::with_installation(installation).unlimited().log(&format!("server-{index}.log"))
}

impl KillLoop {
    /// Returns how many servers were killed and restarted so far.
    pub(crate) fn kills(&self) -> usize {
        self.killed.load(Ordering::Relaxed)
    }

    /// Stops the loop with all servers running. Returns how many were killed.
    pub(crate) async fn stop(mut self) -> usize {
        self.stopped.store(true, Ordering::Relaxed);
        self.kills.take().expect("the loop is running").await.expect("every server restarted")
    }
}

impl Drop for KillLoop {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
    }
}
