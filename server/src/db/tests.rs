//! The storage suite: what the contract of `Transaction` and `Database` promises, whatever stands behind it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests may fail loudly"
)]

use std::sync::atomic::Ordering;
use std::sync::mpsc;

use futures_util::future::join_all;
use sync_core::ids::TownshipId;
use uuid::Uuid;

use super::job::QUEUE_JOBS_MAX;
use super::scratch::Home;
use super::townships::TownshipRow;
use super::*;

pub(super) fn township(number: u128, name: &str) -> TownshipRow {
    TownshipRow { id: TownshipId(Uuid::from_u128(number)), name: name.to_owned(), created_at_ms: 0 }
}

pub(super) async fn names(database: &Database) -> Vec<String> {
    let rows = database.read(|tx| tx.townships()).await.unwrap();
    rows.into_iter().map(|row| row.name).collect()
}

/// Occupies the writer until the sender is dropped; returns when it is occupied.
pub(super) fn hold_writer(database: &Database) -> mpsc::Sender<()> {
    let (release, released) = mpsc::channel::<()>();
    let (started, starts) = mpsc::channel();
    let database = database.clone();
    tokio::spawn(async move {
        database
            .write(Scope::Whole, move |_| {
                started.send(()).ok();
                released.recv().ok();
                Ok::<_, DbError>(())
            })
            .await
    });
    tokio::task::block_in_place(|| starts.recv().unwrap());
    release
}

/// Waits until so many jobs wait for the writer.
pub(super) async fn until_waiting(database: &Database, jobs: usize) {
    while database.counts().waiting.load(Ordering::Relaxed) < jobs {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_was_answered_is_there_after_reopening() {
    let home = Home::new().unwrap();
    let database = home.open().unwrap();
    database.write(Scope::Whole, |tx| tx.insert_township(township(1, "一"))).await.unwrap();
    assert_eq!(names(&database).await, ["一"]);
    drop(database);
    assert_eq!(names(&home.open().unwrap()).await, ["一"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_that_wait_are_committed_together() {
    let home = Home::new().unwrap();
    let database = home.open().unwrap();
    let release = hold_writer(&database);
    let before = database.counts().commits.load(Ordering::Relaxed);
    let writes: Vec<_> = (0..50)
        .map(|n| {
            let database = database.clone();
            tokio::spawn(async move {
                database.write(Scope::Whole, move |tx| tx.insert_township(township(n, &n.to_string()))).await
            })
        })
        .collect();
    until_waiting(&database, 50).await;
    drop(release);
    for write in join_all(writes).await {
        write.unwrap().unwrap();
    }
    let commits = database.counts().commits.load(Ordering::Relaxed) - before;
    assert_eq!(commits, 2, "the held job, and all the others");
    assert_eq!(names(&database).await.len(), 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_fails_or_panics_takes_nobody_with_it() {
    let home = Home::new().unwrap();
    let database = home.open().unwrap();
    let release = hold_writer(&database);
    let write = |number: u128, end: fn() -> Result<(), DbError>| {
        let database = database.clone();
        tokio::spawn(async move {
            database
                .write(Scope::Whole, move |tx| {
                    tx.insert_township(township(number, &number.to_string()))?;
                    end()
                })
                .await
        })
    };
    let writes = [
        write(1, || Ok(())),
        write(2, || Err(DbError::Internal("a refusal".to_owned()))),
        write(3, || panic!("a bug")),
        write(4, || Ok(())),
    ];
    until_waiting(&database, 4).await;
    drop(release);
    let outcomes: Vec<_> = join_all(writes).await.into_iter().map(Result::unwrap).collect();
    assert!(outcomes[0].is_ok() && outcomes[3].is_ok());
    assert_eq!(outcomes[1], Err(DbError::Internal("a refusal".to_owned())));
    assert!(matches!(outcomes[2], Err(DbError::Internal(_))));
    assert_eq!(names(&database).await, ["1", "4"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_the_queue_a_write_is_busy_at_once_and_nothing_is_done() {
    let home = Home::new().unwrap();
    let database = home.open().unwrap();
    let release = hold_writer(&database);
    let waiting: Vec<_> = (0..QUEUE_JOBS_MAX)
        .map(|_| {
            let database = database.clone();
            tokio::spawn(async move { database.write(Scope::Whole, |tx| tx.touch()).await })
        })
        .collect();
    until_waiting(&database, QUEUE_JOBS_MAX).await;
    let refused = database.write(Scope::Whole, |tx| tx.insert_township(township(1, "too late"))).await;
    assert!(matches!(refused, Err(DbError::Busy(_))), "{refused:?}");
    drop(release);
    for write in join_all(waiting).await {
        write.unwrap().unwrap();
    }
    assert!(names(&database).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_is_torn_by_one_job_is_run_again_for_the_others() {
    let home = Home::new().unwrap();
    let database = home.open().unwrap();
    let release = hold_writer(&database);
    let write = |number: u128, torn: bool| {
        let database = database.clone();
        tokio::spawn(async move {
            database
                .write(Scope::Whole, move |tx| {
                    tx.insert_township(township(number, &number.to_string()))?;
                    if torn { tx.tear() } else { Ok(()) }
                })
                .await
        })
    };
    let writes = [write(1, false), write(2, true), write(3, false)];
    until_waiting(&database, 3).await;
    drop(release);
    let outcomes: Vec<_> = join_all(writes).await.into_iter().map(Result::unwrap).collect();
    assert!(outcomes[0].is_ok() && outcomes[1].is_err() && outcomes[2].is_ok(), "{outcomes:?}");
    assert_eq!(names(&database).await, ["1", "3"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_told_of_a_success_that_was_not_committed() {
    let home = Home::new().unwrap();
    let database = home.open().unwrap();
    let release = hold_writer(&database);
    let write = |number: u128, spoilt: bool| {
        let database = database.clone();
        tokio::spawn(async move {
            database
                .write(Scope::Whole, move |tx| {
                    tx.insert_township(township(number, &number.to_string()))?;
                    if spoilt { tx.spoil_commit() } else { Ok(()) }
                })
                .await
        })
    };
    let writes = [write(1, false), write(2, true)];
    until_waiting(&database, 2).await;
    drop(release);
    for outcome in join_all(writes).await {
        assert!(outcome.unwrap().is_err());
    }
    assert!(names(&database).await.is_empty());
    database.write(Scope::Whole, |tx| tx.insert_township(township(3, "3"))).await.unwrap();
    assert_eq!(names(&database).await, ["3"], "the connection is not poisoned");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_given_up_does_not_tear_its_job() {
    let home = Home::new().unwrap();
    let database = home.open().unwrap();
    let release = hold_writer(&database);
    let given_up = {
        let database = database.clone();
        tokio::spawn(async move { database.write(Scope::Whole, |tx| tx.insert_township(township(1, "一"))).await })
    };
    until_waiting(&database, 1).await;
    given_up.abort();
    assert!(given_up.await.unwrap_err().is_cancelled());
    drop(release);
    database.write(Scope::Whole, |tx| tx.touch()).await.unwrap();
    assert_eq!(names(&database).await, ["一"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_finishes_what_waits_and_refuses_what_comes_later() {
    let home = Home::new().unwrap();
    let database = home.open().unwrap();
    let release = hold_writer(&database);
    let waiting = {
        let database = database.clone();
        tokio::spawn(async move { database.write(Scope::Whole, |tx| tx.insert_township(township(1, "一"))).await })
    };
    until_waiting(&database, 1).await;
    drop(release);
    database.close();
    waiting.await.unwrap().unwrap();
    let late = database.write(Scope::Whole, |tx| tx.insert_township(township(2, "二"))).await;
    assert!(matches!(late, Err(DbError::Busy(_))), "{late:?}");
    assert_eq!(names(&database).await, ["一"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_sees_one_moment_while_others_write() {
    let home = Home::new().unwrap();
    let database = home.open().unwrap();
    let (looked, looks) = mpsc::channel();
    let (go_on, gone_on) = mpsc::channel::<()>();
    let reading = {
        let database = database.clone();
        tokio::spawn(async move {
            database
                .read(move |tx| {
                    let before = tx.townships()?.len();
                    looked.send(()).ok();
                    gone_on.recv().ok();
                    Ok::<_, DbError>((before, tx.townships()?.len()))
                })
                .await
        })
    };
    tokio::task::block_in_place(|| looks.recv().unwrap());
    database.write(Scope::Whole, |tx| tx.insert_township(township(1, "一"))).await.unwrap();
    go_on.send(()).unwrap();
    assert_eq!(reading.await.unwrap().unwrap(), (0, 0));
    assert_eq!(names(&database).await.len(), 1);
}

#[tokio::test]
async fn a_read_cannot_write() {
    let home = Home::new().unwrap();
    let database = home.open().unwrap();
    assert!(database.read(|tx| tx.insert_township(township(1, "一"))).await.is_err());
    assert!(names(&database).await.is_empty());
}

#[tokio::test]
async fn a_unique_key_that_exists_is_a_conflict() {
    let home = Home::new().unwrap();
    let database = home.open().unwrap();
    database.write(Scope::Whole, |tx| tx.insert_township(township(1, "一"))).await.unwrap();
    for again in [township(1, "二"), township(2, "一")] {
        let outcome = database.write(Scope::Whole, move |tx| tx.insert_township(again.clone())).await;
        assert!(matches!(outcome, Err(DbError::Conflict(_))), "{outcome:?}");
    }
}

#[tokio::test]
async fn the_epoch_stays_until_it_is_changed() {
    let home = Home::new().unwrap();
    let database = home.open().unwrap();
    assert_eq!(database.read(|tx| tx.epoch()).await.unwrap(), None);
    for epoch in [Uuid::from_u128(7), Uuid::from_u128(8)] {
        database.write(Scope::Whole, move |tx| tx.set_epoch(epoch)).await.unwrap();
        assert_eq!(database.read(|tx| tx.epoch()).await.unwrap(), Some(epoch));
    }
}
