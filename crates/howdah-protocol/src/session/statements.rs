//! Which statements are prepared: counted by use, named, evicted when there are too many.

use std::sync::Arc;

use hashbrown::{Equivalent, HashMap};

use crate::connection::Columns;

/// The policy and the memory of a session's prepared statements.
///
/// A statement is a query text with the OIDs of its parameters. It is prepared once it has been executed
/// `threshold` times, and closed when more than `max` others have been used since.
#[derive(Debug)]
pub struct Statements {
    /// Executions before a statement is prepared; 0 prepares at once, `None` never.
    pub threshold: Option<u32>,
    /// How many statements are kept prepared, and how many others are counted; `None` is no limit.
    pub max: Option<usize>,
    entries: HashMap<Key, Entry>,
    prepared: usize,
    clock: u64,
    next_number: u64,
    to_close: Vec<Box<[u8]>>,
    /// What is being prepared in the exchange that is running: it can be executed already.
    preparing: HashMap<Key, Box<[u8]>>,
}

impl Default for Statements {
    fn default() -> Self {
        Self {
            threshold: Some(5),
            max: Some(100),
            entries: HashMap::new(),
            prepared: 0,
            clock: 0,
            next_number: 0,
            to_close: Vec::new(),
            preparing: HashMap::new(),
        }
    }
}

/// What to do with a statement that is about to be executed.
#[derive(Debug, Clone)]
pub(super) enum Plan {
    /// Execute it unprepared.
    Unprepared,
    /// Prepare it under this name, then execute it.
    Prepare(Box<[u8]>),
    /// Execute what has been asked to be prepared under this name, earlier in the same exchange.
    Preparing(Box<[u8]>),
    /// Execute what is prepared.
    Prepared(Arc<Prepared>),
}

/// A statement that the server has.
#[derive(Debug, Clone)]
pub(super) struct Prepared {
    pub(super) name: Box<[u8]>,
    /// Its columns as it was described, all in text; `None` where it returns no rows.
    pub(super) columns: Option<Columns>,
    /// The same for a result in chosen formats, made when first needed.
    pub(super) mixed: Option<Mixed>,
}

/// A result description with a format chosen for each column.
#[derive(Debug, Clone)]
pub(super) struct Mixed {
    /// The choice's id.
    pub(super) choice: u64,
    pub(super) columns: Columns,
    pub(super) formats: Arc<[crate::wire::Format]>,
}

/// A statement's identity.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    sql: Box<[u8]>,
    oids: Box<[u32]>,
}

#[derive(Hash)]
struct KeyRef<'a> {
    sql: &'a [u8],
    oids: &'a [u32],
}

impl Equivalent<Key> for KeyRef<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        *self.sql == *key.sql && *self.oids == *key.oids
    }
}

#[derive(Debug)]
struct Entry {
    used: u64,
    state: State,
}

#[derive(Debug)]
enum State {
    Counted(u32),
    Prepared(Arc<Prepared>),
}

impl Statements {
    /// Decides how a statement is to be executed. `wish` is the caller's: always, never, or as the policy says.
    pub(super) fn plan(&mut self, sql: &[u8], oids: &[u32], wish: Option<bool>) -> Plan {
        let Some(threshold) = self.threshold.filter(|_| wish != Some(false)) else {
            return Plan::Unprepared;
        };
        self.clock += 1;
        let count = match self.entries.get_mut(&KeyRef { sql, oids }) {
            Some(entry) => {
                entry.used = self.clock;
                match &entry.state {
                    State::Prepared(prepared) => return Plan::Prepared(Arc::clone(prepared)),
                    State::Counted(count) => *count,
                }
            }
            None => 0,
        };
        if count < threshold && wish != Some(true) {
            return Plan::Unprepared;
        }
        if let Some(name) = self.preparing.get(&KeyRef { sql, oids }) {
            return Plan::Preparing(name.clone());
        }
        let name = format!("_howdah_{}", self.next_number);
        self.next_number += 1;
        Plan::Prepare(name.into_bytes().into())
    }

    /// Whether executions are counted at all.
    pub(super) fn counts(&self, wish: Option<bool>) -> bool {
        self.threshold.is_some() && wish != Some(false)
    }

    /// Notes one more good execution of an unprepared statement.
    pub(super) fn executed(&mut self, key: Key) {
        let used = self.clock;
        let entry = self.entries.entry(key).or_insert(Entry {
            used,
            state: State::Counted(0),
        });
        entry.used = used;
        if let State::Counted(count) = &mut entry.state {
            *count = count.saturating_add(1);
        }
        self.evict();
    }

    /// Notes that a statement is being prepared.
    pub(super) fn preparing(&mut self, key: Key, name: Box<[u8]>) {
        self.preparing.insert(key, name);
    }

    /// Notes that the server has answered everything: what it has not prepared by now, it has not got.
    pub(super) fn exchange_ended(&mut self) {
        self.preparing.clear();
    }

    /// Notes that the server has prepared a statement.
    pub(super) fn prepared(&mut self, key: Key, name: Box<[u8]>, columns: Option<Columns>) {
        self.preparing.remove(&key);
        let state = State::Prepared(Arc::new(Prepared {
            name,
            columns,
            mixed: None,
        }));
        let used = self.clock;
        match self.entries.insert(key, Entry { used, state }) {
            Some(Entry {
                state: State::Prepared(old),
                ..
            }) => self.to_close.push(old.name.clone()),
            _ => self.prepared += 1,
        }
        self.evict();
    }

    /// Keeps the result description that was made for a prepared statement.
    pub(super) fn remember_mixed(&mut self, sql: &[u8], oids: &[u32], mixed: Mixed) {
        if let Some(Entry {
            state: State::Prepared(prepared),
            ..
        }) = self.entries.get_mut(&KeyRef { sql, oids })
        {
            Arc::make_mut(prepared).mixed = Some(mixed);
        }
    }

    /// Forgets a statement that was prepared, which is closed with the next request.
    pub(super) fn discard(&mut self, gone: &Prepared) {
        let named =
            |entry: &Entry| matches!(&entry.state, State::Prepared(held) if held.name == gone.name);
        let found = self.entries.iter().find(|(_, entry)| named(entry));
        if let Some(key) = found.map(|(key, _)| key.clone()) {
            self.remove_prepared(&key);
        }
    }

    fn remove_prepared(&mut self, key: &Key) {
        if let Some(Entry {
            state: State::Prepared(prepared),
            ..
        }) = self.entries.remove(key)
        {
            self.prepared -= 1;
            self.to_close.push(prepared.name.clone());
        }
    }

    /// Has a statement closed with the next request that was never noted as prepared.
    pub(super) fn close_later(&mut self, name: Box<[u8]>) {
        self.to_close.push(name);
    }

    /// Forgets everything; with `close`, the prepared ones are closed with the next request.
    pub(super) fn clear(&mut self, close: bool) {
        self.prepared = 0;
        self.preparing.clear();
        let names = self
            .entries
            .drain()
            .filter_map(|(_, entry)| match entry.state {
                State::Prepared(prepared) if close => Some(prepared.name.clone()),
                _ => None,
            });
        self.to_close.extend(names);
    }

    /// The statements to be closed with the next request.
    pub(super) fn to_close(&self) -> &[Box<[u8]>] {
        &self.to_close
    }

    /// Notes that those have been asked to be closed.
    pub(super) fn closing(&mut self) {
        self.to_close.clear();
    }

    /// Drops the least recently used while there are too many of either kind.
    fn evict(&mut self) {
        let Some(max) = self.max else { return };
        while self.prepared > max
            && let Some(key) = self.oldest(true)
        {
            self.remove_prepared(&key);
        }
        while self.entries.len() - self.prepared > max
            && let Some(key) = self.oldest(false)
        {
            self.entries.remove(&key);
        }
    }

    fn oldest(&self, prepared: bool) -> Option<Key> {
        self.entries
            .iter()
            .filter(|(_, entry)| matches!(entry.state, State::Prepared(_)) == prepared)
            .min_by_key(|(_, entry)| entry.used)
            .map(|(key, _)| key.clone())
    }
}

impl Key {
    pub(super) fn new(sql: &[u8], oids: &[u32]) -> Self {
        Self {
            sql: sql.into(),
            oids: oids.into(),
        }
    }
}
