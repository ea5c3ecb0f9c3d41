//! Repeated failures: each is logged a few times, and then counted. On a full disk every request and every task fails,
//! thousands of times a second, with the same words.

use std::{
    collections::HashMap,
    fmt::Write as _,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tracing::{
    Event, Level, Metadata, Subscriber,
    callsite::Identifier,
    field::{Field, Visit},
};
use tracing_subscriber::layer::{Context, Filter};

/// The period in which the repetitions of a message are counted.
const WINDOW: Duration = Duration::from_secs(10);

/// The number of times that a message is logged within a period. The first ones name different requests.
const MAX_LOGGED: u64 = 5;

/// The maximum number of different messages from one place that are counted apart within a period. All others from there
/// are counted together.
const MAX_DIFFERENT: usize = 50;

/// The fields that make messages with the same words different. Others, such as the id of a request, do not.
const DISTINCTIVE_FIELDS: [&str; 2] = ["route", "status"];

/// Counts warnings and errors that say the same. Other messages are not counted.
#[derive(Default)]
pub(super) struct Repeats {
    messages: Mutex<HashMap<MessageKey, Repetition>>,
}

/// The place in the program that logs a message, and what it says; `None` for all beyond [`MAX_DIFFERENT`].
type MessageKey = (Identifier, Option<String>);

/// The occurrences of a message within a period.
struct Repetition {
    level: Level,
    text: String,
    since: Instant,
    logged: u64,
    suppressed: u64,
}

/// A message that was not logged every time.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Suppressed {
    pub(super) level: Level,
    pub(super) text: String,
    pub(super) count: u64,
}

impl Repeats {
    /// Counts an occurrence. Returns whether it is to be logged.
    fn count(&self, event: &Event<'_>, now: Instant) -> bool {
        let metadata = event.metadata();
        if *metadata.level() > Level::WARN {
            return true;
        }
        let text = text_of(event);
        let mut messages = self.lock();
        let mut key = (metadata.callsite(), Some(text.clone()));
        if !messages.contains_key(&key)
            && messages.keys().filter(|(callsite, _)| *callsite == key.0).count() >= MAX_DIFFERENT
        {
            key.1 = None;
        }
        let repetition = messages.entry(key).or_insert_with(|| Repetition {
            level: *metadata.level(),
            text,
            since: now,
            logged: 0,
            suppressed: 0,
        });
        let logs = repetition.logged < MAX_LOGGED;
        if logs {
            repetition.logged += 1;
        } else {
            repetition.suppressed += 1;
        }
        logs
    }

    /// Removes the messages whose period is over, and returns those that were not logged every time.
    pub(super) fn take_suppressed(&self, now: Instant) -> Vec<Suppressed> {
        let mut messages = self.lock();
        let is_over = |repetition: &Repetition| now.saturating_duration_since(repetition.since) >= WINDOW;
        let over = messages.extract_if(|_, repetition| is_over(repetition));
        over.filter(|(_, repetition)| repetition.suppressed > 0)
            .map(|(_, Repetition { level, text, suppressed: count, .. })| Suppressed { level, text, count })
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<MessageKey, Repetition>> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The text of a message with its distinctive fields.
fn text_of(event: &Event<'_>) -> String {
    #[derive(Default)]
    struct Text {
        message: String,
        fields: String,
    }

    impl Visit for Text {
        fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
            if field.name() == "message" {
                self.message = format!("{value:?}");
            } else if DISTINCTIVE_FIELDS.contains(&field.name()) {
                let _ = write!(self.fields, " {}={value:?}", field.name());
            }
        }

        fn record_str(&mut self, field: &Field, value: &str) {
            self.record_debug(field, &format_args!("{value}"));
        }
    }

    let mut text = Text::default();
    event.record(&mut text);
    text.message + &text.fields
}

/// The filter that suppresses repetitions.
pub(super) struct RepeatFilter(pub(super) &'static Repeats);

impl<S: Subscriber> Filter<S> for RepeatFilter {
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        true
    }

    fn event_enabled(&self, event: &Event<'_>, _: &Context<'_, S>) -> bool {
        self.0.count(event, Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tracing_subscriber::{Layer, layer::SubscriberExt as _, registry};

    use super::*;

    /// Counts the messages that reach the log.
    struct Counter(&'static AtomicUsize);

    impl<S: Subscriber> Layer<S> for Counter {
        fn on_event(&self, _: &Event<'_>, _: Context<'_, S>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn logged(repeats: &'static Repeats, log: impl FnOnce()) -> usize {
        let count: &'static AtomicUsize = Box::leak(Box::default());
        let subscriber = registry().with(Counter(count).with_filter(RepeatFilter(repeats)));
        tracing::subscriber::with_default(subscriber, log);
        count.load(Ordering::Relaxed)
    }

    #[test]
    fn a_failure_that_repeats_is_logged_a_few_times_and_then_counted() {
        let repeats: &'static Repeats = Box::leak(Box::default());
        let fail = || tracing::warn!(request_id = 7, "the store is {}", "away");
        assert_eq!(logged(repeats, || (0..1000).for_each(|_| fail())), 5);
        assert_eq!(repeats.take_suppressed(Instant::now()), []);
        let after = Instant::now() + WINDOW;
        let suppressed = Suppressed { level: Level::WARN, text: "the store is away".to_owned(), count: 995 };
        assert_eq!(repeats.take_suppressed(after), [suppressed]);
        assert_eq!(repeats.take_suppressed(after), []);
        assert_eq!(logged(repeats, fail), 1, "a new period begins");
    }

    #[test]
    fn failures_of_other_routes_and_with_other_words_are_logged() {
        let repeats: &'static Repeats = Box::leak(Box::default());
        let fail = |request: u32, route: &str, status: u16| {
            tracing::warn!(request_id = request, route, status, "a request failed");
        };
        let failed = logged(repeats, || {
            (0..20).for_each(|request| fail(request, "/one", 500));
            fail(20, "/other", 500);
            fail(21, "/one", 503);
        });
        assert_eq!(failed, 5 + 2);
        let warned = logged(repeats, || {
            for setting in 0..8 {
                tracing::warn!("the setting {setting} is ignored");
            }
        });
        assert_eq!(warned, 8);
        let text = "a request failed route=/one status=500".to_owned();
        let suppressed = Suppressed { level: Level::WARN, text, count: 15 };
        assert_eq!(repeats.take_suppressed(Instant::now() + WINDOW), [suppressed]);
    }

    #[test]
    fn messages_that_all_differ_are_counted_within_a_bound() {
        let repeats: &'static Repeats = Box::leak(Box::default());
        let count = logged(repeats, || (0..1000).for_each(|number| tracing::warn!("failure {number}")));
        assert_eq!(count, MAX_DIFFERENT + 5);
        assert_eq!(repeats.lock().len(), MAX_DIFFERENT + 1);
    }

    #[test]
    fn other_failures_and_messages_that_are_no_failures_are_not_suppressed() {
        let repeats: &'static Repeats = Box::leak(Box::default());
        let count = logged(repeats, || {
            (0..100).for_each(|number| tracing::info!(number, "a checkpoint"));
            (0..100).for_each(|_| tracing::error!("one failure"));
            tracing::error!("another failure");
        });
        assert_eq!(count, 100 + 5 + 1);
    }
}
