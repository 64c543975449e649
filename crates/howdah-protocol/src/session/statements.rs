//! Which statements are prepared: counted by use, named, evicted when there are too many.

use std::hash::BuildHasher as _;
use std::sync::Arc;

use hashbrown::{Equivalent, HashMap};

use super::exchange::{Description, ExchangeId};
use super::formats::MixedFormats;
use super::route::Route;
use crate::connection::Columns;
use crate::memory::{self, OutOfMemory};

/// The policy and the memory of a session's prepared statements.
///
/// A statement is a query text with the OIDs of its parameters. It is prepared once it has been executed
/// `threshold` times, and closed when more than `max` others have been used since. Of those that are only counted no text is
/// kept but a hash: should two share one, one of them is prepared early.
#[derive(Debug)]
pub struct Statements {
    /// Executions before a statement is prepared; 0 prepares at once, `None` never.
    pub threshold: Option<u32>,
    /// How many statements are kept prepared, and how many others are counted; `None` is no limit.
    pub max: Option<usize>,
    prepared: HashMap<Key, Entry>,
    counted: HashMap<u64, Counted>,
    clock: u64,
    next_number: u64,
    to_close: Vec<Box<[u8]>>,
    /// What is being prepared in an exchange that has not been answered: within the same it can be executed already.
    preparing: HashMap<Key, (Box<[u8]>, ExchangeId)>,
    /// Who answers.
    pub(super) route: Route,
    /// The process ID in the names, where sessions of the server may be shared.
    pub(super) owner: Option<i32>,
    /// Counts the times that no transaction was running.
    transaction: u64,
    /// A statement of a detached exchange has changed what may be remembered elsewhere, too.
    pub(super) unseen_changes: bool,
    /// A statement of a detached exchange has ended a transaction without undoing it.
    pub(super) unseen_commit: bool,
}

impl Default for Statements {
    fn default() -> Self {
        Self {
            threshold: Some(5),
            max: Some(100),
            prepared: HashMap::new(),
            counted: HashMap::new(),
            clock: 0,
            next_number: 0,
            to_close: Vec::new(),
            preparing: HashMap::new(),
            route: Route::default(),
            owner: None,
            transaction: 0,
            unseen_changes: false,
            unseen_commit: false,
        }
    }
}

/// What to do with a statement that is about to be executed.
#[derive(Debug, Clone)]
pub(super) enum Plan {
    /// Execute it unprepared, and count it under this hash, if it is to be counted.
    Unprepared(Option<u64>),
    /// Prepare it under this name, then execute it.
    Prepare(Box<[u8]>),
    /// Prepare it under this name, for this exchange only, and execute it.
    PrepareForNow(Box<[u8]>),
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
    pub(super) mixed: Option<MixedFormats>,
    /// The types of its parameters, where the server was asked for them.
    pub(super) parameters: Option<Arc<[u32]>>,
}

/// A statement's identity. Parameters of which none has a declared type are none: the text says how many there are.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key(Arc<Identity>);

#[derive(Debug, PartialEq, Eq, Hash)]
struct Identity {
    sql: Box<[u8]>,
    oids: Box<[u32]>,
}

#[derive(Hash)]
struct KeyRef<'a> {
    sql: &'a [u8],
    oids: &'a [u32],
}

impl<'a> KeyRef<'a> {
    fn new(sql: &'a [u8], oids: &'a [u32]) -> Self {
        let declared = oids.iter().any(|oid| *oid != 0);
        Self {
            sql,
            oids: if declared { oids } else { &[] },
        }
    }
}

impl Equivalent<Key> for KeyRef<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        *self.sql == *key.0.sql && *self.oids == *key.0.oids
    }
}

#[derive(Debug)]
struct Entry {
    used: u64,
    /// When the server was last known to have it, in transactions.
    seen: u64,
    prepared: Arc<Prepared>,
}

#[derive(Debug, Default)]
struct Counted {
    used: u64,
    executions: u32,
    /// Executions that have not been answered.
    asked: u32,
}

impl Statements {
    /// Decides how a statement of exchange `id` is to be executed. `wish` is the caller's: always, never, or as the policy says. It is
    /// `repeatable` if it can be executed again should what was prepared be missing.
    pub(super) fn plan(
        &mut self,
        sql: &[u8],
        oids: &[u32],
        wish: Option<bool>,
        id: ExchangeId,
        repeatable: bool,
    ) -> Plan {
        let Some(threshold) = self.threshold.filter(|_| wish != Some(false)) else {
            return Plan::Unprepared(None);
        };
        if stands_for_another(sql) {
            return Plan::Unprepared(None);
        }
        self.clock += 1;
        let key = KeyRef::new(sql, oids);
        // What this exchange prepares for itself is right, whatever there was before it, and is learned of it meanwhile.
        if let Some((name, same)) = self.preparing.get(&key)
            && *same == id
        {
            return Plan::Preparing(name.clone());
        }
        if let Some(entry) = self.prepared.get_mut(&key) {
            entry.used = self.clock;
            let stays = match self.route {
                Route::Direct => true,
                Route::Unknown => repeatable || entry.seen == self.transaction,
                // What is wanted prepared may be executed many times, of which only the first could be repeated.
                Route::Pooled => wish.is_none() && repeatable || entry.seen == self.transaction,
                Route::Lossy | Route::Doubtful => entry.seen == self.transaction,
            };
            return match () {
                () if stays => Plan::Prepared(Arc::clone(&entry.prepared)),
                () if wish == Some(true) => self.plan_for_now(&key),
                () => Plan::Unprepared(None),
            };
        }
        if self.route.may_lose() && wish == Some(true) {
            return self.plan_for_now(&key);
        }
        if matches!(self.route, Route::Lossy | Route::Doubtful) {
            return Plan::Unprepared(None);
        }
        let hash = self.prepared.hasher().hash_one(&key);
        if wish != Some(true) {
            let counted = self.counted.get_mut(&hash);
            let executions = counted.map_or(0, |counted| {
                counted.used = self.clock;
                counted.executions.saturating_add(counted.asked)
            });
            if executions < threshold {
                return Plan::Unprepared(Some(hash));
            }
        }
        match self.preparing.contains_key(&key) {
            // Should it not come to be prepared there, what relies on it would fail with an error that is not its own.
            true => Plan::Unprepared(None),
            false => Plan::Prepare(self.next_name()),
        }
    }

    /// What is prepared for a statement without declared types, and relied on where others have been executed before it.
    pub(super) fn relied_on(&self, sql: &[u8]) -> Option<Arc<Prepared>> {
        let known = self.threshold.is_some() && !stands_for_another(sql);
        let entry = self.prepared.get(&KeyRef::new(sql, &[]))?;
        let stays = self.route == Route::Direct || entry.seen == self.transaction;
        (known && stays).then(|| Arc::clone(&entry.prepared))
    }

    /// Prepares a statement for an exchange, unless another one does that.
    fn plan_for_now(&mut self, key: &KeyRef<'_>) -> Plan {
        match self.preparing.contains_key(key) {
            true => Plan::Unprepared(None),
            false => Plan::PrepareForNow(self.next_name()),
        }
    }

    /// A name that no statement has had.
    pub(super) fn next_name(&mut self) -> Box<[u8]> {
        let number = self.next_number;
        let name = match self.owner {
            None => format!("_howdah_{number}"),
            Some(owner) => format!("_howdah_{owner:x}_{number}"),
        };
        self.next_number += 1;
        name.into_bytes().into()
    }

    /// The parameters and columns of a statement that was described when it was prepared, with these types declared.
    pub(super) fn description(&self, sql: &[u8], oids: &[u32]) -> Option<Description> {
        let entry = self.prepared.get(&KeyRef::new(sql, oids))?;
        let prepared = &entry.prepared;
        Some(Description {
            parameters: prepared.parameters.clone()?,
            columns: prepared.columns.clone(),
        })
    }

    /// Notes that an unprepared statement has been queued, which is one statement: it counts at once, so that a pipeline
    /// prepares what it repeats.
    pub(super) fn executing(&mut self, hash: u64) {
        let counted = self.counted.entry(hash).or_default();
        counted.used = self.clock;
        counted.asked = counted.asked.saturating_add(1);
        self.evict();
    }

    /// Notes one more good execution of an unprepared statement.
    pub(super) fn executed(&mut self, hash: u64) {
        let counted = self.counted.entry(hash).or_default();
        counted.used = self.clock;
        counted.executions = counted.executions.saturating_add(1);
        self.evict();
    }

    /// Notes that one that was noted by [`Statements::executing`] has ended, well or not.
    pub(super) fn settle_executing(&mut self, hash: u64) {
        if let Some(counted) = self.counted.get_mut(&hash) {
            counted.asked = counted.asked.saturating_sub(1);
            if counted.asked == 0 && counted.executions == 0 {
                self.counted.remove(&hash);
            }
        }
    }

    /// Notes that a statement is being prepared in exchange `id`.
    pub(super) fn preparing(&mut self, key: Key, name: Box<[u8]>, id: ExchangeId) {
        self.preparing.insert(key, (name, id));
    }

    /// Notes that the server has answered an exchange: what it has not prepared by now, it has not got.
    pub(super) fn exchange_ended(&mut self, id: ExchangeId) {
        if !self.preparing.is_empty() {
            self.preparing.retain(|_, (_, other)| *other != id);
        }
    }

    /// Notes that the server has prepared a statement.
    pub(super) fn prepared(
        &mut self,
        key: Key,
        name: Box<[u8]>,
        columns: Option<Columns>,
        parameters: Option<Arc<[u32]>>,
    ) {
        self.preparing.remove(&key);
        self.counted.remove(&self.prepared.hasher().hash_one(&key));
        let prepared = Arc::new(Prepared {
            name,
            columns,
            mixed: None,
            parameters,
        });
        let entry = Entry {
            used: self.clock,
            seen: self.transaction,
            prepared,
        };
        if let Some(old) = self.prepared.insert(key, entry) {
            self.to_close.push(old.prepared.name.clone());
        }
        self.evict();
    }

    /// Keeps the result description that was made for a prepared statement.
    pub(super) fn remember_mixed(&mut self, sql: &[u8], oids: &[u32], mixed: MixedFormats) {
        if let Some(entry) = self.prepared.get_mut(&KeyRef::new(sql, oids)) {
            Arc::make_mut(&mut entry.prepared).mixed = Some(mixed);
        }
    }

    /// Whether anything is prepared.
    pub(super) fn has_prepared(&self) -> bool {
        !self.prepared.is_empty()
    }

    /// Notes that no transaction is running: behind a pooler the next may have another session.
    pub(super) fn next_transaction(&mut self) {
        self.transaction += 1;
    }

    /// How often no transaction was running.
    pub(super) fn transaction_number(&self) -> u64 {
        self.transaction
    }

    /// Notes that the server has a statement.
    pub(super) fn reused(&mut self, prepared: &Prepared) {
        if self.route != Route::Direct
            && let Some(entry) = self
                .prepared
                .values_mut()
                .find(|entry| entry.prepared.name == prepared.name)
        {
            entry.seen = self.transaction;
        }
    }

    /// Forgets a statement that is missing or of no use, to be prepared anew when it is next executed. Behind a pooler that loses
    /// statements that would be of no use either.
    pub(super) fn found_wanting(&mut self, prepared: &Prepared, missing: bool) {
        if missing {
            self.route = self.route.after_loss();
        }
        if let Some(key) = self.discard(prepared) {
            let counted = self.counted.entry(self.prepared.hasher().hash_one(&key));
            let counted = counted.or_default();
            counted.used = self.clock;
            counted.executions = u32::MAX;
        }
    }

    /// Forgets a statement that was prepared, which is closed with the next request.
    pub(super) fn discard(&mut self, gone: &Prepared) -> Option<Key> {
        let found = self
            .prepared
            .iter()
            .find(|(_, entry)| entry.prepared.name == gone.name);
        let key = found.map(|(key, _)| key.clone())?;
        self.remove_prepared(&key);
        Some(key)
    }

    fn remove_prepared(&mut self, key: &Key) {
        if let Some(entry) = self.prepared.remove(key) {
            self.to_close.push(entry.prepared.name.clone());
        }
    }

    /// Has a statement closed with the next request that was never noted as prepared.
    pub(super) fn close_later(&mut self, name: Box<[u8]>) {
        self.to_close.push(name);
    }

    /// Forgets everything; with `close`, the prepared ones are closed with the next request.
    pub(super) fn clear(&mut self, close: bool) {
        self.preparing.clear();
        self.counted.clear();
        let entries = self.prepared.drain().map(|(_, entry)| entry);
        let names = entries.filter(|_| close);
        self.to_close
            .extend(names.map(|entry| entry.prepared.name.clone()));
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
        while self.prepared.len() > max {
            let oldest = self.prepared.iter().min_by_key(|(_, entry)| entry.used);
            let Some(key) = oldest.map(|(key, _)| key.clone()) else {
                break;
            };
            self.remove_prepared(&key);
        }
        while self.counted.len() > max {
            let oldest = self.counted.iter().min_by_key(|(_, entry)| entry.used);
            let Some(hash) = oldest.map(|(hash, _)| *hash) else {
                break;
            };
            self.counted.remove(&hash);
        }
    }
}

/// Whether the columns of a statement are those of a cursor or of a prepared statement that it names: FETCH and EXECUTE. The
/// server does not say when these have become others, so what was described once is not to be relied on.
pub(super) fn stands_for_another(sql: &[u8]) -> bool {
    let text = after_comments(sql);
    let end = text.iter().position(|byte| !byte.is_ascii_alphabetic());
    let word = text.get(..end.unwrap_or(text.len())).unwrap_or_default();
    word.eq_ignore_ascii_case(b"fetch") || word.eq_ignore_ascii_case(b"execute")
}

/// What follows the white space and the comments that a text begins with.
fn after_comments(mut text: &[u8]) -> &[u8] {
    loop {
        text = text.trim_ascii_start();
        text = match text {
            [b'-', b'-', rest @ ..] => {
                let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
                end.and_then(|end| rest.get(end..)).unwrap_or_default()
            }
            [b'/', b'*', rest @ ..] => after_block_comment(rest),
            _ => return text,
        };
    }
}

/// What follows a comment that has been opened; comments nest.
fn after_block_comment(mut text: &[u8]) -> &[u8] {
    let mut depth = 1_usize;
    while depth > 0 {
        text = match text {
            [b'/', b'*', rest @ ..] => {
                depth += 1;
                rest
            }
            [b'*', b'/', rest @ ..] => {
                depth -= 1;
                rest
            }
            [_, rest @ ..] => rest,
            [] => return text,
        };
    }
    text
}

impl Key {
    pub(super) fn new(sql: &[u8], oids: &[u32]) -> Result<Self, OutOfMemory> {
        let KeyRef { sql, oids } = KeyRef::new(sql, oids);
        Ok(Self(Arc::new(Identity {
            sql: memory::boxed(sql)?,
            oids: memory::boxed(oids)?,
        })))
    }
}
