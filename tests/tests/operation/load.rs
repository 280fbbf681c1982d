//! The load of `target/release/load`, small, and without its times: what arrives in an open loop is taken, each request once, while
//! one phone floods the server.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hazard_tests::crowd::open_loop::{Flood, offer};
use hazard_tests::crowd::{Crowd, phones};
use server::clock::SystemClock;
use server::config::Settings;
use server::db::scratch::Scratch;
use server::limits::SYNC_RATE;

#[tokio::test(flavor = "multi_thread")]
async fn what_arrives_in_an_open_loop_is_taken_once_while_one_phone_floods() {
    const PHONES: usize = 40;
    let (folder, scratch) = (tempfile::tempdir().unwrap(), Scratch::new().unwrap());
    let mut settings = Settings::local(folder.path().to_owned());
    settings.accounts_per_address = 100;
    if let Some(scratch) = &scratch {
        settings.database = scratch.options();
    }
    let running = server::start(settings, Arc::new(SystemClock)).await.unwrap();
    let crowd = Crowd { phones: PHONES + 1, townships: 2, batch: 3, batches: 2, edits_percent: 0 };
    let mut crowd = phones(&running, crowd).await.unwrap();
    let mad = crowd.pop().unwrap();
    let url = |path: &str| format!("http://{}/api/v1/{path}", running.addr);
    let flood = Flood::default();
    let others = async {
        while flood.refused.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
        // All at the same time: the worst of all arrivals.
        let met = offer(&url("push"), &crowd, &[Duration::ZERO; 2 * PHONES]).await;
        flood.end();
        met
    };
    let sync = url("sync");
    let (met, flooded) = tokio::join!(others, flood.run(&sync, &mad.token, 8));
    flooded.unwrap();
    assert_eq!(met.unwrap().latencies.len(), 2 * PHONES);
    assert!(flood.served.load(Ordering::Relaxed) >= u64::from(SYNC_RATE.burst));
    let taken = running.app.database.read(|tx| {
        let townships = tx.townships()?;
        townships.iter().map(|township| tx.feed_end(township.id)).sum::<Result<u64, server::db::DbError>>()
    });
    assert_eq!(taken.await.unwrap(), u64::try_from(PHONES * 2 * 3).unwrap());
    running.stop().await.unwrap();
}
