//! The thread that writes the audit log: no async thread ever waits for the disk, and no answer leaves before its record is there.
//!
//! In: records, in the order in which they are to stand, in a queue with a bound. Out: to each who asked, whether it is written. What
//! nobody waits for any more when its turn comes is not written, as its answer is not sent.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::audit::{Answered, Audit, Event};

/// Records that may wait; who comes later waits for a place.
const QUEUE: usize = 1024;

/// A log and the thread that writes it.
pub(super) struct Scribe {
    audit: Arc<Audit>,
    orders: mpsc::Sender<Order>,
}

/// When something is noted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) unix_ms: i64,
    pub(super) monotonic: Duration,
}

struct Order {
    what: What,
    when: Moment,
    done: oneshot::Sender<io::Result<()>>,
}

enum What {
    Note(Answered),
    Close,
}

impl Scribe {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub(super) fn start(audit: Audit) -> io::Result<Self> {
        let (orders, queue) = mpsc::channel(QUEUE);
        let audit = Arc::new(audit);
        let writes = audit.clone();
        std::thread::Builder::new().name("audit".to_owned()).spawn(move || write(&writes, queue))?;
        Ok(Scribe { audit, orders })
    }

    /// Notes an answer; done once it is written.
    ///
    /// # Errors
    /// When it cannot be written, or the log is closed.
    pub(super) async fn note(&self, answered: Answered, when: Moment) -> io::Result<()> {
        self.order(What::Note(answered), when).await
    }

    /// Signs the end of the log, behind all that waits; nothing is written after it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) async fn close(&self, when: Moment) -> io::Result<()> {
        self.order(What::Close, when).await
    }

    /// Signs what has been open for too long, if anything; on the caller's thread.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn tick(&self, when: Moment) -> io::Result<()> {
        self.audit.tick(when.unix_ms, when.monotonic)
    }

    /// Records so far.
    pub(super) fn seq(&self) -> u64 {
        self.audit.seq()
    }

    async fn order(&self, what: What, when: Moment) -> io::Result<()> {
        let closed = || io::Error::other("the audit log is closed");
        let (done, outcome) = oneshot::channel();
        self.orders.send(Order { what, when, done }).await.map_err(|_| closed())?;
        outcome.await.map_err(|_| closed())?
    }
}

/// Does what is ordered until the log is closed or nobody is left to order anything.
fn write(audit: &Audit, mut queue: mpsc::Receiver<Order>) {
    while let Some(Order { what, when: Moment { unix_ms, monotonic }, done }) = queue.blocking_recv() {
        let closes = matches!(what, What::Close);
        if done.is_closed() && !closes {
            continue;
        }
        let writing = || match what {
            What::Note(answered) => audit.note(Event::Answer(answered), unix_ms, monotonic),
            What::Close => audit.close(unix_ms, monotonic),
        };
        let outcome = catch_unwind(AssertUnwindSafe(writing));
        let outcome = outcome.unwrap_or_else(|_| Err(io::Error::other("the writer panicked; this is a bug")));
        // who gave up meanwhile has a record without an answer, which tells of one that was computed
        let _gave_up = done.send(outcome);
        if closes {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::audit::{AuditSettings, Findings, verify};

    const NOW: Moment = Moment { unix_ms: 0, monotonic: Duration::ZERO };

    fn answered(i: usize) -> Answered {
        Answered { path: format!("/{i}"), ..Answered::default() }
    }

    fn started(dir: &std::path::Path, sign: fn(&[u8]) -> String) -> Scribe {
        let audit = Audit::open(AuditSettings::new(dir), Box::new(sign), 0, Duration::ZERO).expect("opens");
        Scribe::start(audit).expect("a thread")
    }

    fn found(dir: &std::path::Path) -> Findings {
        verify(dir, &|_, signature| signature == "signed", |_| ()).expect("readable")
    }

    #[tokio::test]
    async fn all_that_was_asked_for_stands_before_the_end_and_nothing_behind_it() {
        let dir = tempfile::tempdir().expect("a folder");
        let scribe = Arc::new(started(dir.path(), |_| "signed".to_owned()));
        let asking: Vec<_> = (0..500)
            .map(|i| {
                let scribe = scribe.clone();
                tokio::spawn(async move { scribe.note(answered(i), NOW).await.is_ok() })
            })
            .collect();
        for asked in asking {
            assert!(asked.await.expect("asks"));
        }
        scribe.close(NOW).await.expect("closed");
        assert!(scribe.note(answered(0), NOW).await.is_err());
        let found = found(dir.path());
        assert!(found.sound() && found.records == 502, "{found:?}");
    }

    #[tokio::test]
    async fn a_writer_that_panics_is_an_error_and_the_next_is_written() {
        let dir = tempfile::tempdir().expect("a folder");
        // the first signature is due after a minute
        let scribe = started(dir.path(), |message| {
            assert!(message.ends_with(b"true\n"), "for the test");
            "signed".to_owned()
        });
        let late = Moment { monotonic: Duration::from_secs(61), ..NOW };
        assert!(scribe.note(answered(1), late).await.is_err());
        scribe.note(answered(2), NOW).await.expect("noted");
        scribe.close(NOW).await.expect("closed");
        assert!(found(dir.path()).faults.is_empty());
    }

    #[tokio::test]
    async fn what_nobody_waits_for_is_not_written() {
        let dir = tempfile::tempdir().expect("a folder");
        let scribe = started(dir.path(), |_| "signed".to_owned());
        let held = scribe.audit.hold();
        let first = scribe.order(What::Note(answered(1)), NOW);
        let given_up = tokio::time::timeout(Duration::from_millis(50), async {
            tokio::join!(first, scribe.note(answered(2), NOW), scribe.note(answered(3), NOW)).0
        });
        assert!(given_up.await.is_err(), "the disk does not answer");
        drop(held);
        scribe.close(NOW).await.expect("closed");
        // the start, the record that was being written, and the end
        let found = found(dir.path());
        assert!(found.sound() && found.records == 3, "{found:?}");
    }
}
