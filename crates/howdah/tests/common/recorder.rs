//! A subscriber that keeps what it sees.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::instrument::WithSubscriber;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Keeps all spans and events, and whether the spans are over.
#[derive(Clone, Default)]
pub(crate) struct Recorder {
    seen: Arc<Mutex<Vec<Seen>>>,
    ids: Arc<AtomicU64>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    /// 0 of an event.
    pub(crate) id: u64,
    pub(crate) name: &'static str,
    handles: usize,
    /// The span that it is in: 0 if it is in none.
    pub(crate) parent: u64,
    /// The spans that it follows from.
    pub(crate) follows: Vec<u64>,
    fields: BTreeMap<&'static str, String>,
}

impl Seen {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }
}

impl Visit for Seen {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.fields.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.fields.insert(field.name(), format!("{value:?}"));
    }
}

impl Recorder {
    fn change(&self, span: &Id, change: impl FnOnce(&mut Seen)) {
        let mut seen = self.seen.lock().unwrap();
        let id = span.into_u64();
        change(seen.iter_mut().find(|each| each.id == id).expect("a span"));
    }

    pub(crate) fn all(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Whether a span with this name is open.
    pub(crate) fn is_open(&self, name: &str) -> bool {
        let all = self.all();
        all.iter().any(|each| each.name == name && each.handles > 0)
    }

    /// The one span with a name, which has to be over.
    pub(crate) fn span(&self, name: &str) -> Seen {
        let mut spans = self.spans(name);
        assert_eq!(spans.len(), 1, "{name}: {:?}", self.all());
        spans.remove(0)
    }

    /// The spans with a name, all of which have to be over.
    pub(crate) fn spans(&self, name: &str) -> Vec<Seen> {
        let mut spans = self.all();
        spans.retain(|each| each.id > 0 && each.name == name);
        assert!(spans.iter().all(|span| span.handles == 0), "{spans:?}");
        spans
    }

    pub(crate) fn statement(&self, text: &str) -> Seen {
        let mut found = self.spans("statement");
        found.retain(|span| span.field("db.query.text") == Some(text));
        assert_eq!(found.len(), 1, "{text}: {:?}", self.all());
        found.remove(0)
    }

    pub(crate) fn event(&self, text: &str) -> Seen {
        let said = |each: &Seen| {
            each.field("message")
                .is_some_and(|said| said.contains(text))
        };
        let all = self.all();
        let found = all.iter().find(|each| each.id == 0 && said(each));
        found.unwrap_or_else(|| panic!("{text}: {all:?}")).clone()
    }

    /// Fails if a text is anywhere in what was seen.
    pub(crate) fn assert_nowhere(&self, text: &str) {
        for each in self.all() {
            assert!(
                each.fields.values().all(|field| !field.contains(text)),
                "{each:?}"
            );
        }
    }
}

impl Subscriber for Recorder {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "howdah"
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let id = self.ids.fetch_add(1, Ordering::Relaxed) + 1;
        let mut seen = Seen {
            id,
            name: span.metadata().name(),
            handles: 1,
            parent: match span.parent() {
                Some(parent) => parent.into_u64(),
                None if span.is_root() => 0,
                None => innermost(),
            },
            ..Seen::default()
        };
        span.record(&mut seen);
        self.seen.lock().unwrap().push(seen);
        Id::from_u64(id)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        self.change(span, |seen| values.record(seen));
    }

    fn record_follows_from(&self, span: &Id, follows: &Id) {
        self.change(span, |seen| seen.follows.push(follows.into_u64()));
    }

    fn event(&self, event: &Event<'_>) {
        let mut seen = Seen {
            parent: event.parent().map_or_else(innermost, Id::into_u64),
            ..Seen::default()
        };
        event.record(&mut seen);
        self.seen.lock().unwrap().push(seen);
    }

    fn enter(&self, span: &Id) {
        ENTERED.with_borrow_mut(|entered| entered.push(span.into_u64()));
    }

    fn exit(&self, _: &Id) {
        ENTERED.with_borrow_mut(|entered| entered.pop());
    }

    fn clone_span(&self, id: &Id) -> Id {
        self.change(id, |seen| seen.handles += 1);
        id.clone()
    }

    fn try_close(&self, id: Id) -> bool {
        self.change(&id, |seen| seen.handles -= 1);
        true
    }
}

thread_local! {
    /// The spans that this thread is in.
    static ENTERED: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

fn innermost() -> u64 {
    ENTERED.with_borrow(|entered| entered.last().copied().unwrap_or_default())
}

/// Runs `work` with a recorder.
pub(crate) fn recorded(work: impl FnOnce()) -> Recorder {
    let recorder = Recorder::default();
    tracing::subscriber::with_default(recorder.clone(), work);
    recorder
}

pub(crate) async fn recorded_async(work: impl AsyncFnOnce()) -> Recorder {
    let recorder = Recorder::default();
    work().with_subscriber(recorder.clone()).await;
    recorder
}

pub(crate) fn assert_failed(span: &Seen, sqlstate: &str) {
    for (name, value) in [
        ("otel.status_code", "ERROR"),
        ("error.type", sqlstate),
        ("db.response.status_code", sqlstate),
    ] {
        assert_eq!(span.field(name), Some(value), "{span:?}");
    }
}
