//! Several servers over one installation.

use std::{
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use tokio::task::JoinHandle;

use super::{Balancer, Client, Credentials, Installation, Pace, Server, Setup, server::probe};

/// How many calls are made before the next server is killed.
const LIFE: usize = 40;
/// The longest that servers are killed.
const HAVOC: Duration = Duration::from_secs(300);

/// Servers beside each other, each at its place.
pub(crate) struct Fleet {
    installation: Installation,
    setup: Box<dyn Fn(usize, Setup) -> Setup + Send + Sync>,
    places: Vec<Mutex<Option<Server>>>,
    balancer: Balancer,
}

/// Servers that are killed and started again in turns, until that is ended.
pub(crate) struct Havoc {
    over: Arc<AtomicBool>,
    kills: Option<JoinHandle<usize>>,
}

impl Fleet {
    /// Starts so many at once, with nothing set but limits that are not in the way.
    pub(crate) fn start(installation: Installation, count: usize) -> Arc<Self> {
        Self::set_up(installation, count, |_, setup| setup)
    }

    /// The same, each with what is set for its place.
    pub(crate) fn set_up(
        installation: Installation,
        count: usize,
        setup: impl Fn(usize, Setup) -> Setup + Send + Sync + 'static,
    ) -> Arc<Self> {
        let setup = Box::new(setup);
        let servers: Vec<Server> = thread::scope(|scope| {
            let start = |place| {
                let (installation, setup) = (installation.clone(), &setup);
                scope.spawn(move || setup(place, bare(installation, place)).start())
            };
            let starting: Vec<_> = (0..count).map(start).collect();
            starting.into_iter().map(|server| server.join().expect("a server")).collect()
        });
        let balancer = Balancer::over(servers.iter().map(|server| server.url.clone()).collect());
        let places = servers.into_iter().map(|server| Mutex::new(Some(server))).collect();
        Arc::new(Self { installation, setup, places, balancer })
    }

    pub(crate) fn installation(&self) -> &Installation {
        &self.installation
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// Where each of them is.
    pub(crate) fn urls(&self) -> Vec<String> {
        (0..self.len()).map(|place| self.balancer.at(place)).collect()
    }

    /// A client whose calls go to one after the other, and on to the next where one is gone.
    pub(crate) async fn client(&self, credentials: &Credentials) -> Client {
        Client::balanced(&self.balancer, credentials).await
    }

    /// A client of each of them alone, all with one token.
    pub(crate) async fn clients(&self, credentials: &Credentials) -> Vec<Client> {
        let first = Client::with_token(&self.balancer.at(0), credentials).await;
        self.urls().iter().map(|url| first.at(url)).collect()
    }

    /// Does something with the server at a place.
    pub(crate) fn with<T>(&self, place: usize, ask: impl FnOnce(&Server) -> T) -> T {
        ask(self.place(place).as_ref().expect("it runs"))
    }

    /// Asks the admin listener of a server.
    pub(crate) async fn probe(&self, place: usize, path: &str) -> (u16, String) {
        let admin_url = self.with(place, |server| server.admin_url.clone());
        probe(&admin_url, path).await
    }

    /// Ends a server in the middle of whatever it does.
    pub(crate) fn kill(&self, place: usize) {
        self.take(place).kill();
    }

    /// Starts the server at a place where there is none.
    pub(crate) fn start_again(&self, place: usize) {
        let mut there = self.place(place);
        assert!(there.is_none(), "it runs");
        let server = (self.setup)(place, bare(self.installation.clone(), place)).start();
        self.balancer.moved(place, &server.url);
        *there = Some(server);
    }

    /// Asks each of them to stop, and waits until all have.
    pub(crate) fn stop(&self) {
        let servers: Vec<Server> = (0..self.len()).map(|place| self.take(place)).collect();
        servers.iter().for_each(|server| server.signal("TERM"));
        for mut server in servers {
            let status = server.wait();
            assert!(status.success(), "{status}: {}", server.log());
        }
    }

    /// Kills one after the other and starts it again, so that all but one are there all the while. Each lives until some
    /// calls have been made.
    pub(crate) fn havoc(self: &Arc<Self>) -> Havoc {
        let (fleet, over) = (Arc::clone(self), Arc::new(AtomicBool::new(false)));
        let ended = Arc::clone(&over);
        let kills = tokio::spawn(async move {
            let (mut kills, mut calls) = (0, fleet.balancer.calls());
            let mut pace = Pace::until("the end of havoc", HAVOC);
            while !ended.load(Ordering::Relaxed) {
                pace.tick().await;
                if fleet.balancer.calls() < calls + LIFE {
                    continue;
                }
                let (killing, place) = (Arc::clone(&fleet), kills % fleet.len());
                let killed = tokio::task::spawn_blocking(move || {
                    killing.kill(place);
                    killing.start_again(place);
                });
                killed.await.expect("it comes back");
                (kills, calls) = (kills + 1, fleet.balancer.calls());
            }
            kills
        });
        Havoc { over, kills: Some(kills) }
    }

    fn take(&self, place: usize) -> Server {
        self.place(place).take().expect("it runs")
    }

    fn place(&self, place: usize) -> MutexGuard<'_, Option<Server>> {
        self.places[place].lock().expect("no panic")
    }
}

fn bare(installation: Installation, place: usize) -> Setup {
    Setup::over(installation).unlimited().log(&format!("server-{place}.log"))
}

impl Havoc {
    /// Ends it, with all servers there. Says how many were killed.
    pub(crate) async fn end(mut self) -> usize {
        self.over.store(true, Ordering::Relaxed);
        self.kills.take().expect("it goes on").await.expect("every server came back")
    }
}

impl Drop for Havoc {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}
