//! A battery that dies: runs a future for so many polls and then drops it wherever it stands.

use std::pin::Pin;
use std::task::{Context, Poll};

/// Gives the future's answer, or `None` when it was dropped at its `polls`-th await.
///
/// Whatever the future had borrowed is as torn as the memory of a phone that lost its power; only the disk counts.
pub async fn until_it_dies<T>(future: impl Future<Output = T>, polls: usize) -> Option<T> {
    Dying { future: Box::pin(future), polls }.await
}

struct Dying<F> {
    future: Pin<Box<F>>,
    polls: usize,
}

impl<F: Future> Future for Dying<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.polls.checked_sub(1) {
            None => Poll::Ready(None),
            Some(left) => {
                self.polls = left;
                self.future.as_mut().poll(context).map(Some)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_future_is_dropped_at_the_await_at_which_the_battery_dies() {
        let mut awaits = 0;
        let work = async {
            for _ in 0..5 {
                awaits += 1;
                tokio::task::yield_now().await;
            }
        };
        assert_eq!(until_it_dies(work, 3).await, None);
        assert_eq!(awaits, 3);
        assert_eq!(until_it_dies(async { 7 }, 1).await, Some(7));
    }
}
