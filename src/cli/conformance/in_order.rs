//! Work on several threads, with results in the order of the input.

use std::io;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread;

/// How many inputs may wait for each thread: so many that none idles while one input takes long, and so few that
/// memory stays small.
const WAITING_PER_JOB: usize = 16;

/// Whether more inputs are known to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Queue {
    Empty,
    Waiting,
}

/// Applies `work` to every input on `jobs` threads, and hands the results to `take` in the order of the inputs. Ends
/// at the first input that cannot be read and at the first result that `take` fails on.
pub(super) fn run<I: Send, T: Send>(
    inputs: impl Iterator<Item = io::Result<I>> + Send,
    jobs: u16,
    work: impl Fn(I) -> T + Sync,
    take: impl FnMut(T, Queue) -> io::Result<()>,
) -> io::Result<()> {
    let waiting = WAITING_PER_JOB * usize::from(jobs);
    let (give, tasks) = sync_channel::<(I, SyncSender<T>)>(waiting);
    // The place of each result, in order: where it will arrive.
    let (reserve, places) = sync_channel::<io::Result<Receiver<T>>>(waiting);
    let tasks = Mutex::new(tasks);
    thread::scope(|scope| {
        scope.spawn(move || read(inputs, &give, &reserve));
        for _ in 0..jobs {
            scope.spawn(|| {
                while let Ok(Ok((input, place))) = tasks.lock().map(|tasks| tasks.recv()) {
                    // Nobody waits for it where `take` has failed.
                    let _ = place.send(work(input));
                }
            });
        }
        deliver(places, take)
    })
}

/// Drops `places` where `take` fails, so that nothing more is read.
fn deliver<T>(
    places: Receiver<io::Result<Receiver<T>>>,
    mut take: impl FnMut(T, Queue) -> io::Result<()>,
) -> io::Result<()> {
    let mut next = places.recv().ok();
    while let Some(place) = next {
        let lost = |_| io::Error::other("a case was not answered");
        let result = place?.recv().map_err(lost)?;
        let (queue, following) = match places.try_recv() {
            Ok(place) => (Queue::Waiting, Some(place)),
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => (Queue::Empty, None),
        };
        take(result, queue)?;
        next = following.or_else(|| places.recv().ok());
    }
    Ok(())
}

/// Ends where nobody takes results any more.
fn read<I, T>(
    inputs: impl Iterator<Item = io::Result<I>>,
    give: &SyncSender<(I, SyncSender<T>)>,
    reserve: &SyncSender<io::Result<Receiver<T>>>,
) {
    for input in inputs {
        let (place, result) = sync_channel(1);
        let sent = match input {
            Ok(input) => reserve.send(Ok(result)).is_ok() && give.send((input, place)).is_ok(),
            Err(error) => reserve.send(Err(error)).is_ok(),
        };
        if !sent {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    fn numbers(count: usize) -> impl Iterator<Item = io::Result<usize>> + Send {
        (0..count).map(Ok)
    }

    #[test]
    fn results_come_in_the_order_of_the_inputs_however_long_each_takes() {
        for jobs in [1, 2, 8] {
            let work = |number: usize| {
                thread::sleep(Duration::from_micros(if number.is_multiple_of(3) { 300 } else { 0 }));
                number
            };
            let mut taken = Vec::new();
            let end = run(numbers(500), jobs, work, |number, _| {
                taken.push(number);
                Ok(())
            });
            assert!(end.is_ok());
            assert_eq!(taken, (0..500).collect::<Vec<_>>(), "{jobs}");
        }
    }

    #[test]
    fn no_more_is_read_than_can_wait() {
        let (read, taken) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let inputs = numbers(2000).inspect(|_| {
            let ahead = read.fetch_add(1, Ordering::SeqCst) + 1 - taken.load(Ordering::SeqCst);
            // Those that wait, the one that is taken, the one that follows it, and the one that finds no place.
            assert!(ahead <= 2 * WAITING_PER_JOB + 3, "{ahead}");
        });
        let end = run(
            inputs,
            2,
            |number| number,
            |_, _| {
                taken.fetch_add(1, Ordering::SeqCst);
                Ok(())
            },
        );
        assert!(end.is_ok());
        assert_eq!(taken.into_inner(), 2000);
    }

    #[test]
    fn what_cannot_be_read_or_taken_ends_it_after_what_came_before() {
        let inputs = numbers(100).chain([Err(io::Error::other("gone"))]);
        let mut taken = 0;
        let end = run(
            inputs,
            2,
            |number| number,
            |_, _| {
                taken += 1;
                Ok(())
            },
        );
        assert_eq!((end.unwrap_err().to_string(), taken), ("gone".to_owned(), 100));

        let end = run(
            numbers(usize::MAX),
            2,
            |number| number,
            |number, _| {
                if number < 10 { Ok(()) } else { Err(io::Error::other("full")) }
            },
        );
        assert_eq!(end.unwrap_err().to_string(), "full");
    }
}
