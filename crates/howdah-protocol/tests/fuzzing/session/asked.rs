//! What was asked of a session, against which every outcome is held.

use std::collections::VecDeque;

use howdah_protocol::connection::{Ending, QueryResult};
use howdah_protocol::session::{ExchangeId, Outcome};

/// The exchanges that have not ended, oldest first.
pub(super) struct Asked {
    exchanges: VecDeque<Exchange>,
    /// How many there were.
    pub(super) count: usize,
    /// How many outcomes were given.
    pub(super) ended: usize,
    /// The number of the last execution that a result was given of.
    last: u32,
    /// Whether the server is right, so that its answers can be held against what was asked.
    pub(super) honest: bool,
}

struct Exchange {
    id: ExchangeId,
    statements: Vec<Statement>,
    detached: bool,
    /// Results, or a description, that were taken before the end.
    taken: usize,
    /// Rows were taken before the end of their result.
    streamed: bool,
}

/// One statement: its text, and the argument that comes back.
pub(super) struct Statement {
    pub(super) sql: String,
    pub(super) argument: Option<String>,
    /// A simple query of several statements gives several results.
    pub(super) parts: usize,
}

impl Asked {
    pub(super) fn new() -> Self {
        Self {
            exchanges: VecDeque::new(),
            count: 0,
            ended: 0,
            last: 0,
            honest: true,
        }
    }

    /// Notes a statement that was queued.
    pub(super) fn push(&mut self, id: ExchangeId, statement: Statement) {
        match self.exchanges.back_mut() {
            Some(last) if last.id == id => last.statements.push(statement),
            last => {
                assert!(last.is_none_or(|last| last.id < id), "ids grow");
                self.count += 1;
                self.exchanges.push_back(Exchange {
                    id,
                    statements: vec![statement],
                    detached: false,
                    taken: 0,
                    streamed: false,
                });
            }
        }
    }

    /// Notes that nobody wants the outcome of an exchange, the `index`th of those that have not ended.
    pub(super) fn detach(&mut self, index: usize) -> Option<ExchangeId> {
        let exchange = self.exchanges.get_mut(index)?;
        exchange.detached = true;
        Some(exchange.id)
    }

    pub(super) fn detach_all(&mut self) {
        for exchange in &mut self.exchanges {
            exchange.detached = true;
        }
    }

    /// The exchange that is being answered, if its outcome is wanted.
    pub(super) fn front(&self) -> Option<ExchangeId> {
        let front = self.exchanges.front()?;
        (!front.detached).then_some(front.id)
    }

    pub(super) fn streamed(&mut self) {
        if let Some(front) = self.exchanges.front_mut() {
            front.streamed = true;
        }
    }

    /// How many have still to end.
    pub(super) fn wanted(&self) -> usize {
        let wanted = self.exchanges.iter().filter(|exchange| !exchange.detached);
        wanted.count()
    }

    /// Checks what was taken of the exchange that is being answered.
    pub(super) fn partial(&mut self, outcome: &Outcome) {
        let Some(mut front) = self.exchanges.pop_front() else {
            assert!(outcome.results.is_empty());
            return;
        };
        self.results(&front, &outcome.results);
        front.taken += outcome.results.len() + usize::from(outcome.description.is_some());
        self.exchanges.push_front(front);
    }

    /// Checks the end of an exchange: of the next one that is wanted.
    pub(super) fn end(&mut self, id: ExchangeId, outcome: &Outcome) {
        self.ended += 1;
        let exchange = loop {
            let front = self
                .exchanges
                .pop_front()
                .expect("no more outcomes than exchanges");
            if front.id == id {
                break front;
            }
            assert!(front.detached, "outcomes come in order");
        };
        assert!(!exchange.detached, "what nobody wants is not given");
        assert_eq!(outcome.statements, exchange.statements.len());
        assert!(outcome.failed_at <= finished(&exchange, outcome));
        if self.honest {
            self.results(&exchange, &outcome.results);
            check(&exchange, outcome);
        }
    }

    /// Checks results: each is of the statement that it is given for, and later than the one before.
    fn results(&mut self, exchange: &Exchange, results: &[QueryResult]) {
        if !self.honest {
            return;
        }
        for (index, result) in results.iter().enumerate() {
            let Some((number, argument)) = value(result) else {
                continue;
            };
            assert!(
                number > self.last,
                "an answer was given twice, or to another question"
            );
            self.last = number;
            if exchange
                .statements
                .iter()
                .all(|statement| statement.parts == 1)
            {
                let statement = &exchange.statements[exchange.taken + index];
                assert_eq!(argument, statement.argument.as_deref().unwrap_or("-"));
            }
        }
    }
}

/// How many results there were.
fn finished(exchange: &Exchange, outcome: &Outcome) -> usize {
    let described = usize::from(outcome.description.is_some());
    exchange.taken + outcome.results.len() + described
}

/// Checks that an outcome is whole: a result for each statement, or an error of the first that has none.
fn check(exchange: &Exchange, outcome: &Outcome) {
    let finished = finished(exchange, outcome);
    let expected: usize = exchange
        .statements
        .iter()
        .map(|statement| statement.parts)
        .sum();
    let Some(error) = &outcome.error else {
        assert_eq!(finished, expected, "a result for each statement");
        for result in outcome.results.iter().filter(|_| !exchange.streamed) {
            let rows = result.tagged_rows().unwrap_or_default();
            let has_rows = result.columns.is_some() && result.ending == Ending::Complete;
            assert!(!has_rows || u64::try_from(result.rows.len()) == Ok(rows));
        }
        return;
    };
    assert_eq!(outcome.failed_at, finished, "all before it ended well");
    assert!(finished < expected, "one of them has failed");
    let text = String::from_utf8_lossy(error.message_primary().unwrap_or_default()).into_owned();
    let (sql, argument) = text.split_once('|').expect("the server's own text");
    let simple = exchange
        .statements
        .iter()
        .any(|statement| statement.parts > 1);
    if !simple {
        let statement = &exchange.statements[outcome.failed_at];
        assert!(
            statement.sql.trim() == sql || sql == "?",
            "{sql} is not {}",
            statement.sql
        );
        let own = statement.argument.as_deref().unwrap_or("-");
        // Parse is refused before there are arguments.
        assert!(
            argument == own || argument == "-",
            "{argument} is not {own}"
        );
    }
}

/// What the server puts into rows: the number of the execution, and the argument.
fn value(result: &QueryResult) -> Option<(u32, String)> {
    let mut row = result.rows.get(0)?;
    let value = String::from_utf8_lossy(row.next()??).into_owned();
    if value == "1\n" {
        // The data of a COPY.
        return None;
    }
    let (number, argument) = value.split_once(' ').expect("the server's own text");
    Some((number.parse().expect("a number"), argument.to_owned()))
}
