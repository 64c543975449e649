//! How a stream of rows begins.

use howdah_protocol::session::Outcome;

use super::Core;
use super::observe::Watch;
use crate::error::Error;
use crate::row::Rows;

/// What was received of a stream before it was handed out.
pub(crate) enum First {
    /// The first rows, if any have come.
    Came(Option<Rows>),
    /// All of it.
    Ended(Box<Outcome>),
}

/// What a stream has to give.
pub(crate) struct Ready {
    pub(crate) rows: Option<Rows>,
    /// What comes behind those.
    pub(crate) failure: Option<Error>,
    /// Whether nothing is to be expected any more.
    pub(crate) over: bool,
}

impl First {
    /// Whether nothing has been executed, since what was prepared is of no use.
    pub(crate) fn is_to_be_repeated(&self) -> bool {
        matches!(self, Self::Ended(outcome) if outcome.again)
    }

    pub(crate) fn ready(self, core: &mut Core, watch: &mut Watch) -> Ready {
        match self {
            Self::Came(rows) => Ready {
                rows,
                failure: None,
                over: false,
            },
            Self::Ended(outcome) => {
                watch.ended(&outcome);
                let (rows, failure) = core.end_stream(*outcome);
                Ready {
                    rows,
                    failure,
                    over: true,
                }
            }
        }
    }
}
