//! Two-phase transactions: prepared first, then committed or rolled back by their identifier, by whichever session.

use crate::wire::TransactionStatus;

/// The two-phase transaction of a session, if it has one.
///
/// What is to be sent depends on how far it has come, so ask when the operation has its turn. Source: PREPARE TRANSACTION,
/// COMMIT PREPARED, and PEP 249, "Optional Two-Phase Commit Extensions".
#[derive(Debug, Default)]
pub struct TwoPhase {
    current: Option<(String, Stage)>,
}

/// How far a two-phase transaction has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// It has been begun.
    Begun,
    /// The server has been asked to prepare it, and what came of that is not known.
    Preparing,
    /// It is prepared.
    Prepared,
    /// It is prepared, or could not be: nobody has heard the answer.
    InDoubt,
    /// It could not be prepared, and the server has rolled it back.
    RolledBack,
}

/// Why a step of a two-phase transaction cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TwoPhaseError {
    /// There is no two-phase transaction.
    NotBegun,
    /// There is one.
    Begun,
    /// It is prepared.
    Prepared,
    /// It cannot be committed: it could not be prepared, and was rolled back.
    RolledBack,
}

impl TwoPhase {
    /// Whether the session is within a two-phase transaction, prepared or not.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.current.is_some()
    }

    /// Whether it is prepared, and neither committed nor rolled back.
    #[must_use]
    pub fn is_prepared(&self) -> bool {
        matches!(self.current, Some((_, Stage::Prepared)))
    }

    /// Notes that one has been begun, by a BEGIN.
    pub fn begun(&mut self, id: String) {
        self.current = Some((id, Stage::Begun));
    }

    /// The statement that prepares it, given the status at the end of the last exchange. [`TwoPhase::prepared`] is to follow.
    ///
    /// # Errors
    /// There is none, or it is prepared or rolled back.
    pub fn prepare(&mut self, status: TransactionStatus) -> Result<String, TwoPhaseError> {
        self.settle(status);
        match &mut self.current {
            None => Err(TwoPhaseError::NotBegun),
            Some((id, stage @ Stage::Begun)) => {
                *stage = Stage::Preparing;
                Ok(format!("PREPARE TRANSACTION {}", literal(id)))
            }
            Some((_, Stage::RolledBack)) => Err(TwoPhaseError::RolledBack),
            Some(_) => Err(TwoPhaseError::Prepared),
        }
    }

    /// Notes that the statement of [`TwoPhase::prepare`] could not be sent.
    pub fn not_asked(&mut self) {
        if let Some((_, stage)) = &mut self.current {
            *stage = Stage::Begun;
        }
    }

    /// Notes what came of [`TwoPhase::prepare`]: the server has prepared it, or has rolled it back.
    pub fn prepared(&mut self, done: bool) {
        if let Some((_, stage)) = &mut self.current {
            *stage = if done {
                Stage::Prepared
            } else {
                Stage::RolledBack
            };
        }
    }

    /// The statement that ends it; `None` if nothing is left to be done. After a prepared one has ended, [`TwoPhase::ended`] is to
    /// follow; one that is not prepared ends with the statement, whatever comes of that.
    ///
    /// # Errors
    /// There is none, or it is to be committed and was rolled back.
    pub fn end(
        &mut self,
        commit: bool,
        status: TransactionStatus,
    ) -> Result<Option<String>, TwoPhaseError> {
        self.settle(status);
        let (id, stage) = self.current.as_ref().ok_or(TwoPhaseError::NotBegun)?;
        match stage {
            Stage::RolledBack if commit => return Err(TwoPhaseError::RolledBack),
            Stage::Prepared | Stage::InDoubt => return Ok(Some(end_prepared(id, commit))),
            _ => {}
        }
        let sql = (*stage != Stage::RolledBack).then(|| word(commit).to_owned());
        self.current = None;
        Ok(sql)
    }

    /// The statement that ends one which another session has prepared, or this one before.
    ///
    /// # Errors
    /// The session is within a two-phase transaction itself.
    pub fn end_other(&self, commit: bool, id: &str) -> Result<String, TwoPhaseError> {
        match self.current {
            Some(_) => Err(TwoPhaseError::Begun),
            None => Ok(end_prepared(id, commit)),
        }
    }

    /// Whether it may not have been prepared, so that there is nothing to roll back.
    #[must_use]
    pub fn is_in_doubt(&self) -> bool {
        matches!(self.current, Some((_, Stage::InDoubt)))
    }

    /// Notes that the session has none any more.
    pub fn ended(&mut self) {
        self.current = None;
    }

    /// Where nobody heard the answer to PREPARE TRANSACTION, the session's status tells: outside of a transaction it has run.
    /// Whether it did well comes out at the end, which the server refuses with SQLSTATE 42704 if there is nothing prepared.
    fn settle(&mut self, status: TransactionStatus) {
        if let Some((_, stage @ Stage::Preparing)) = &mut self.current {
            *stage = match status {
                TransactionStatus::Idle => Stage::InDoubt,
                _ => Stage::Begun,
            };
        }
    }
}

fn word(commit: bool) -> &'static str {
    if commit { "COMMIT" } else { "ROLLBACK" }
}

fn end_prepared(id: &str, commit: bool) -> String {
    format!("{} PREPARED {}", word(commit), literal(id))
}

/// An identifier as a string constant that reads the same whatever `standard_conforming_strings` is.
fn literal(id: &str) -> String {
    let quoted = id.replace('\'', "''");
    if quoted.contains('\\') {
        format!("E'{}'", quoted.replace('\\', "\\\\"))
    } else {
        format!("'{quoted}'")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: TransactionStatus = TransactionStatus::Idle;
    const IN: TransactionStatus = TransactionStatus::InTransaction;

    fn begun() -> TwoPhase {
        let mut two_phase = TwoPhase::default();
        two_phase.begun("it's".into());
        two_phase
    }

    #[test]
    fn prepared_and_committed() {
        let mut two_phase = begun();
        assert_eq!(
            two_phase.prepare(IN).as_deref(),
            Ok("PREPARE TRANSACTION 'it''s'")
        );
        two_phase.prepared(true);
        assert_eq!(two_phase.prepare(IDLE), Err(TwoPhaseError::Prepared));
        let end = Ok(Some("COMMIT PREPARED 'it''s'".to_owned()));
        assert_eq!(two_phase.end(true, IDLE), end);
        // The server refused it: it can be tried again.
        assert_eq!(two_phase.end(true, IDLE), end);
        two_phase.ended();
        assert_eq!(two_phase.end(true, IDLE), Err(TwoPhaseError::NotBegun));
    }

    #[test]
    fn not_prepared_it_ends_like_any_other() {
        let mut two_phase = begun();
        assert_eq!(two_phase.end(false, IN), Ok(Some("ROLLBACK".to_owned())));
        assert!(!two_phase.is_active());
    }

    #[test]
    fn what_was_rolled_back_is_not_committed() {
        let mut two_phase = begun();
        assert!(two_phase.prepare(IN).is_ok());
        two_phase.prepared(false);
        assert_eq!(two_phase.prepare(IDLE), Err(TwoPhaseError::RolledBack));
        assert_eq!(two_phase.end(true, IDLE), Err(TwoPhaseError::RolledBack));
        assert_eq!(two_phase.end(false, IDLE), Ok(None));
        assert_eq!(two_phase.end(false, IDLE), Err(TwoPhaseError::NotBegun));
    }

    #[test]
    fn the_status_tells_what_came_of_an_interrupted_preparation() {
        let mut two_phase = begun();
        assert!(two_phase.prepare(IN).is_ok());
        assert!(two_phase.prepare(IN).is_ok(), "it has not run");
        let end = two_phase.end(false, IDLE);
        assert_eq!(end, Ok(Some("ROLLBACK PREPARED 'it''s'".to_owned())));
        assert!(two_phase.is_in_doubt());
    }

    #[test]
    fn others_are_ended_outside_of_ones_own() {
        let other = TwoPhase::default().end_other(false, r"a\b");
        assert_eq!(other.as_deref(), Ok(r"ROLLBACK PREPARED E'a\\b'"));
        let refused = begun().end_other(true, "a");
        assert_eq!(refused, Err(TwoPhaseError::Begun));
    }
}
