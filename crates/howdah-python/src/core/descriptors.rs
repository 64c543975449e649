//! Open large objects: the descriptors that the server has given for them, which end with their transaction.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};

use howdah_adapt::lock;

/// Whether a large object is open.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opened {
    /// It has not been opened.
    #[default]
    Never,
    Open(Descriptor),
    /// Another has been given its descriptor: a rollback to a savepoint has ended it.
    Undone,
    Closed,
}

/// A descriptor of the server's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Descriptor {
    pub(crate) fd: i32,
    /// The number of the transaction that it is good in.
    pub(crate) transaction: u64,
}

/// A large object's place for its descriptor.
#[derive(Debug, Default)]
pub(crate) struct Slot(Mutex<Opened>);

impl Slot {
    pub(crate) fn get(&self) -> Opened {
        *lock(&self.0)
    }

    pub(crate) fn set(&self, opened: Opened) {
        *lock(&self.0) = opened;
    }
}

/// Whose the descriptors of a connection are.
#[derive(Default)]
pub(crate) struct Descriptors(Mutex<HashMap<i32, (u64, Weak<Slot>)>>);

impl Descriptors {
    /// Notes a descriptor that the server has given. Whoever had it before has it no more.
    pub(crate) fn give(&self, slot: &Arc<Slot>, given: Descriptor) {
        let old = {
            let mut slots = lock(&self.0);
            slots.retain(|_, (transaction, _)| *transaction == given.transaction);
            slots.insert(given.fd, (given.transaction, Arc::downgrade(slot)))
        };
        if let Some(old) = old.and_then(|(_, slot)| slot.upgrade())
            && let Opened::Open(descriptor) = old.get()
            && descriptor == given
        {
            old.set(Opened::Undone);
        }
        slot.set(Opened::Open(given));
    }
}
