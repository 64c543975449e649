//! What a parameter was written as.

use howdah_protocol::connection::Written;
use howdah_protocol::wire::{Format, IsNull};

pub(super) const fn as_text(oid: u32) -> Written {
    Written {
        oid,
        format: Format::Text,
        null: IsNull::No,
    }
}

pub(super) const fn as_binary(oid: u32) -> Written {
    Written {
        oid,
        format: Format::Binary,
        null: IsNull::No,
    }
}

pub(super) const NULL: Written = Written {
    oid: 0,
    format: Format::Text,
    null: IsNull::Yes,
};
