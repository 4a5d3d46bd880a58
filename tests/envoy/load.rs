//! Clients that ask without a pause while something changes.
#![allow(clippy::disallowed_methods, reason = "the clock is the real one")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use crate::harness::Client;

const WAIT_LIMIT: Duration = Duration::from_secs(30);

/// Connections that ask for one URL without a pause, and stop at the first request that fails.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    done: Vec<Arc<AtomicUsize>>,
    connections: Vec<JoinHandle<()>>,
}

impl Load {
    pub(crate) async fn start(client: &Client, url: &'static str, connections: usize) -> Load {
        let stop = Arc::new(AtomicBool::new(false));
        let mut load = Load { stop, done: Vec::new(), connections: Vec::new() };
        for number in 0..connections {
            let client = if number % 2 == 0 { client.clone() } else { client.clone().http2() };
            let mut connection = client.connect(url).await;
            let (stop, done) = (Arc::clone(&load.stop), Arc::new(AtomicUsize::new(0)));
            load.done.push(Arc::clone(&done));
            load.connections.push(tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let reply = connection.get(url).await;
                    assert_eq!(reply.status, 200, "{reply:?}");
                    assert_eq!(reply.echo().header("x-client-verify"), ["SUCCESS"]);
                    done.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }));
        }
        load
    }

    /// Waits until every connection has had so many more replies.
    pub(crate) async fn go_on(&self, requests: usize) {
        let count = |done: &Arc<AtomicUsize>| done.load(Ordering::Relaxed);
        let wanted: Vec<usize> = self.done.iter().map(|done| count(done) + requests).collect();
        let deadline = Instant::now() + WAIT_LIMIT;
        while self.done.iter().zip(&wanted).any(|(done, wanted)| count(done) < *wanted) {
            assert!(!self.connections.iter().any(JoinHandle::is_finished), "a request failed");
            assert!(Instant::now() < deadline, "a connection stands still");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Ends it; panics if one request was not answered as it must be.
    pub(crate) async fn end(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        for connection in self.connections {
            connection.await.expect("every request succeeds");
        }
        self.done.iter().map(|done| done.load(Ordering::Relaxed)).sum()
    }
}
