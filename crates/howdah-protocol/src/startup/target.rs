//! `target_session_attrs`: whether the server that was reached is one of those that are wanted.
//!
//! It is known from what the server reports, or asked for after the first ReadyForQuery: servers before 14 report neither
//! `in_hot_standby` nor `default_transaction_read_only`.
//!
//! Source: libpq, "target_session_attrs".

use std::fmt;

use super::steps::{Facts, Step, unexpected};
use super::{Progress, SessionParameters, StartupError};
use crate::conninfo::TargetSessionAttrs;
use crate::error::ProtocolError;
use crate::wire::{BackendMessage, frontend};

/// What has to be known of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Question {
    IsReadOnly,
    IsStandby,
}

impl Question {
    fn of(wanted: TargetSessionAttrs) -> Option<Self> {
        match wanted {
            TargetSessionAttrs::Any => None,
            TargetSessionAttrs::ReadWrite | TargetSessionAttrs::ReadOnly => Some(Self::IsReadOnly),
            TargetSessionAttrs::Primary
            | TargetSessionAttrs::Standby
            | TargetSessionAttrs::PreferStandby => Some(Self::IsStandby),
        }
    }

    fn sql(self) -> &'static [u8] {
        match self {
            Self::IsReadOnly => b"SHOW transaction_read_only",
            Self::IsStandby => b"SELECT pg_catalog.pg_is_in_recovery()",
        }
    }

    /// The answer, if the server has reported what gives it.
    fn reported(self, session: &SessionParameters) -> Option<bool> {
        let is_on = |name: &str| session.parameter(name).map(|value| value == b"on");
        let standby = is_on("in_hot_standby");
        match self {
            Self::IsReadOnly => Some(is_on("default_transaction_read_only")? | standby?),
            Self::IsStandby => standby,
        }
    }
}

/// Ends the handshake, or asks what the server is first.
pub(super) fn check(
    facts: Facts,
    session: SessionParameters,
    out: &mut Vec<u8>,
) -> Result<Progress, StartupError> {
    let Some(question) = Question::of(facts.wanted) else {
        return Ok(Progress::Ready(session));
    };
    if let Some(answer) = question.reported(&session) {
        return conclude(facts.wanted, answer, session);
    }
    frontend::query(out, question.sql())?;
    facts.then(Step::Checking(Checking {
        session,
        answer: None,
    }))
}

fn conclude(
    wanted: TargetSessionAttrs,
    answer: bool,
    session: SessionParameters,
) -> Result<Progress, StartupError> {
    let refused = match (wanted, answer) {
        (TargetSessionAttrs::ReadWrite, true) => "session is read-only",
        (TargetSessionAttrs::ReadOnly, false) => "session is not read-only",
        (TargetSessionAttrs::Primary, true) => "server is in hot standby mode",
        (TargetSessionAttrs::Standby | TargetSessionAttrs::PreferStandby, false) => {
            "server is not in hot standby mode"
        }
        _ => return Ok(Progress::Ready(session)),
    };
    Err(StartupError::WrongServer(refused))
}

/// Awaits the answer to the question: one row of one column.
pub(super) struct Checking {
    session: SessionParameters,
    answer: Option<bool>,
}

impl fmt::Debug for Checking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checking").finish_non_exhaustive()
    }
}

impl Checking {
    pub(super) fn handle(
        mut self,
        facts: Facts,
        message: BackendMessage<'_>,
    ) -> Result<Progress, StartupError> {
        match message {
            // A session that has only begun listens to nothing: a notification is nobody's.
            BackendMessage::RowDescription(_)
            | BackendMessage::CommandComplete { .. }
            | BackendMessage::NotificationResponse { .. } => {}
            BackendMessage::DataRow(row) if self.answer.is_none() && row.len() == 1 => {
                let value = row.iter().next().flatten();
                self.answer = Some(matches!(value, Some(b"on" | b"t")));
            }
            BackendMessage::ParameterStatus { name, value } => {
                self.session.set_parameter(name, value)?;
            }
            BackendMessage::ReadyForQuery(status) => {
                let answer = self.answer.ok_or_else(|| {
                    ProtocolError::refused("the server did not say whether it is read-only")
                })?;
                self.session.status = status;
                return conclude(facts.wanted, answer, self.session);
            }
            other => return Err(unexpected(&other, "whether the server is read-only")),
        }
        facts.then(Step::Checking(self))
    }
}
