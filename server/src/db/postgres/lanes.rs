//! The jobs that wait to be written: one queue a township, served by whichever writer is free, so that the writers of one
//! township follow one another and those of different townships do not. Nothing here knows of connections.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::db::job::{GROUP_JOBS_MAX, Job, QUEUE_JOBS_MAX};
use crate::db::{DbError, Scope};

/// Jobs of all townships that may wait: each may hold a batch of some hundred KB.
const WAITING_JOBS_MAX: usize = 8 * QUEUE_JOBS_MAX;

/// The queues.
#[derive(Default)]
pub(super) struct Lanes {
    state: Mutex<State>,
    ready: Condvar,
}

#[derive(Default)]
struct State {
    lanes: HashMap<Scope, Lane>,
    /// Lanes that have jobs and no writer, in the order in which they became so.
    order: VecDeque<Scope>,
    waiting: usize,
    is_closed: bool,
}

#[derive(Default)]
struct Lane {
    jobs: VecDeque<Box<dyn Job>>,
    is_served: bool,
}

impl Lanes {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a job.
    ///
    /// # Errors
    /// `Busy`: too many wait, or it is closed.
    pub(super) fn push(&self, scope: Scope, job: Box<dyn Job>, waiting: &AtomicUsize) -> Result<(), DbError> {
        let mut state = self.state();
        if state.is_closed {
            return Err(DbError::Busy("it is closing".to_owned()));
        }
        let queued = state.lanes.get(&scope).map_or(0, |lane| lane.jobs.len());
        if queued >= QUEUE_JOBS_MAX || state.waiting >= WAITING_JOBS_MAX {
            return Err(DbError::Busy("too many writes wait".to_owned()));
        }
        state.waiting = state.waiting.saturating_add(1);
        waiting.store(state.waiting, Ordering::Relaxed);
        let lane = state.lanes.entry(scope).or_default();
        lane.jobs.push_back(job);
        if !lane.is_served && lane.jobs.len() == 1 {
            state.order.push_back(scope);
            self.ready.notify_one();
        }
        Ok(())
    }

    /// Waits for jobs of one scope and takes them, as many as are committed together; `None` when it is closed and
    /// nothing is left to take. [`Lanes::done`] must follow.
    pub(super) fn next(&self, waiting: &AtomicUsize) -> Option<(Scope, Vec<Box<dyn Job>>)> {
        let mut state = self.state();
        loop {
            if let Some(scope) = state.order.pop_front() {
                let lane = state.lanes.entry(scope).or_default();
                lane.is_served = true;
                let count = lane.jobs.len().min(GROUP_JOBS_MAX);
                let group: Vec<_> = lane.jobs.drain(..count).collect();
                state.waiting = state.waiting.saturating_sub(count);
                waiting.store(state.waiting, Ordering::Relaxed);
                return Some((scope, group));
            }
            if state.is_closed {
                return None;
            }
            state = self.ready.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Gives the lane back: whoever is free goes on with what has come in the meantime.
    pub(super) fn done(&self, scope: Scope) {
        let mut state = self.state();
        let has_more = state.lanes.get_mut(&scope).is_some_and(|lane| {
            lane.is_served = false;
            !lane.jobs.is_empty()
        });
        if has_more {
            state.order.push_back(scope);
            self.ready.notify_one();
        } else {
            state.lanes.remove(&scope);
        }
    }

    /// Takes no more jobs; what waits is still served.
    pub(super) fn close(&self) {
        self.state().is_closed = true;
        self.ready.notify_all();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
    use sync_core::ids::TownshipId;
    use uuid::Uuid;

    use super::*;
    use crate::db::Transaction;

    struct Nothing;

    impl Job for Nothing {
        fn run(&mut self, _: &mut dyn Transaction) -> bool {
            true
        }
        fn fail(&mut self, _: &DbError) {}
        fn refuse(&mut self, _: &DbError) {}
        fn answer(self: Box<Self>) {}
    }

    fn township(number: u128) -> Scope {
        Scope::Township(TownshipId(Uuid::from_u128(number)))
    }

    #[test]
    fn a_lane_has_one_writer_at_a_time_and_other_lanes_go_on() {
        let (lanes, waiting) = (Lanes::default(), AtomicUsize::new(0));
        for scope in [township(1), township(1), township(2)] {
            lanes.push(scope, Box::new(Nothing), &waiting).unwrap();
        }
        let (first, group) = lanes.next(&waiting).unwrap();
        assert_eq!((first, group.len()), (township(1), 2));
        lanes.push(township(1), Box::new(Nothing), &waiting).unwrap();
        assert_eq!(lanes.next(&waiting).unwrap().0, township(2), "the first lane is served");
        lanes.done(township(1));
        assert_eq!(lanes.next(&waiting).unwrap().0, township(1));
        assert_eq!(waiting.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_full_lane_refuses_and_leaves_room_for_others() {
        let (lanes, waiting) = (Lanes::default(), AtomicUsize::new(0));
        for _ in 0..QUEUE_JOBS_MAX {
            lanes.push(township(1), Box::new(Nothing), &waiting).unwrap();
        }
        assert!(matches!(lanes.push(township(1), Box::new(Nothing), &waiting), Err(DbError::Busy(_))));
        lanes.push(township(2), Box::new(Nothing), &waiting).unwrap();
    }

    #[test]
    fn what_waits_is_served_after_the_close_and_nothing_is_added() {
        let (lanes, waiting) = (Lanes::default(), AtomicUsize::new(0));
        lanes.push(township(1), Box::new(Nothing), &waiting).unwrap();
        lanes.close();
        assert!(lanes.push(township(1), Box::new(Nothing), &waiting).is_err());
        let (scope, _) = lanes.next(&waiting).unwrap();
        lanes.done(scope);
        assert!(lanes.next(&waiting).is_none());
    }
}
