//! How many attempts are in flight at once, over all endpoints.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many lanes of doubtful endpoints ask something of the store at once. Hundreds of attempts may time out in the same
/// moment: what comes of them is stored bit by bit, and nobody else stands in line behind it.
const TURNS: usize = 8;

/// Room for attempts. Endpoints that fail, or have not answered yet, get three quarters of it at most: however many of
/// them let every attempt time out, the rest is free for those that answer.
#[derive(Debug)]
pub(crate) struct Room {
    all: Arc<Semaphore>,
    doubtful: Arc<Semaphore>,
    turns: Arc<Semaphore>,
}

/// The room of one attempt, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    _doubtful: Option<OwnedSemaphorePermit>,
    _place: OwnedSemaphorePermit,
}

/// A lane's turn, until it is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    _turn: Option<OwnedSemaphorePermit>,
}

async fn held(semaphore: &Arc<Semaphore>) -> OwnedSemaphorePermit {
    Arc::clone(semaphore).acquire_owned().await.expect("the semaphore is never closed")
}

impl Room {
    pub(crate) fn of(places: usize) -> Self {
        let places = places.clamp(1, Semaphore::MAX_PERMITS);
        let doubtful = (places - places / 4).min(places.saturating_sub(1)).max(1);
        let semaphore = |permits| Arc::new(Semaphore::new(permits));
        Self { all: semaphore(places), doubtful: semaphore(doubtful), turns: semaphore(TURNS) }
    }

    /// A place, once there is one.
    pub(crate) async fn place(&self, doubtful: bool) -> Place {
        let doubtful = if doubtful { Some(held(&self.doubtful).await) } else { None };
        Place { _doubtful: doubtful, _place: held(&self.all).await }
    }

    /// The turn of a lane to ask something of the store.
    pub(crate) async fn turn(&self, doubtful: bool) -> Turn {
        Turn { _turn: if doubtful { Some(held(&self.turns).await) } else { None } }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn doubtful_endpoints_leave_a_quarter_of_the_room_to_others() {
        let room = Room::of(8);
        let doubtful: Vec<_> = (0..6).map(|_| room.place(true).now_or_never().unwrap()).collect();
        assert!(room.place(true).now_or_never().is_none());
        let _sound = [(); 2].map(|()| room.place(false).now_or_never().unwrap());
        assert!(room.place(false).now_or_never().is_none());
        drop(doubtful);
        assert!(room.place(true).now_or_never().is_some());
    }

    #[test]
    fn sound_endpoints_may_use_all_of_it() {
        let room = Room::of(4);
        let _sound = [(); 4].map(|()| room.place(false).now_or_never().unwrap());
        assert!(room.place(false).now_or_never().is_none());
    }

    #[test]
    fn lanes_of_doubtful_endpoints_take_turns_and_others_wait_for_nobody() {
        let room = Room::of(1024);
        let turns: Vec<_> = (0..TURNS).map(|_| room.turn(true).now_or_never().unwrap()).collect();
        assert!(room.turn(true).now_or_never().is_none());
        assert!(room.turn(false).now_or_never().is_some());
        drop(turns);
        assert!(room.turn(true).now_or_never().is_some());
    }

    #[test]
    fn the_smallest_room_serves_everybody() {
        assert!(Room::of(0).place(true).now_or_never().is_some());
    }
}
