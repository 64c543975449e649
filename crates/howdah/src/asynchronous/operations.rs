//! What operations are made of, on a connection of one's own as on a shared one.
//!
//! A trait would do, if futures of its generic functions were found to be `Send`: rust-lang/rust#100013.

/// Adds them to what has `with_core`, which does something as soon as statements can be queued; `perform`, which queues an exchange
/// then and gives its outcome; `known`; and `note_statements`, which notes that the last statements were the user's.
macro_rules! operations {
    ($on:ty) => {
        impl $on {
            /// Runs a statement; gives how many rows it has changed or given.
            pub(super) async fn run_to_count(
                &mut self,
                sql: &str,
                params: &dyn Parameters,
            ) -> Result<u64> {
                let watch = self.known().watch(sql);
                let outcome = watch.over(self.run(sql, params)).await?;
                let counted = self.known().count(outcome);
                counted.map_err(|error| error.in_statement(sql))
            }

            /// Runs a statement; gives its result.
            pub(super) async fn run_to_rows(
                &mut self,
                sql: &str,
                params: &dyn Parameters,
            ) -> Result<Rows> {
                let watch = self.known().watch(sql);
                let outcome = watch.over(self.run(sql, params)).await?;
                let finished = self.known().one(outcome);
                let mut finished = finished.map_err(|error| error.in_statement(sql))?;
                if !finished.unknown.is_empty() {
                    let rows = std::slice::from_mut(&mut finished.results);
                    let attached = Box::pin(self.attach_types(rows, &finished.unknown)).await;
                    attached.map_err(Error::behind_a_statement)?;
                }
                Ok(finished.results)
            }

            async fn run(&mut self, sql: &str, params: &dyn Parameters) -> Result<Outcome> {
                let mut outcome = self.run_once(sql, params).await?;
                if outcome.again {
                    // It is rare, and would make the future of every statement larger.
                    outcome = Box::pin(self.run_again(sql, params)).await?;
                }
                self.note_statements();
                Ok(outcome)
            }

            async fn run_once(&mut self, sql: &str, params: &dyn Parameters) -> Result<Outcome> {
                let mut ready = self.make_ready(sql, params, Mode::Gather).await?;
                self.perform(|core| ready.execute(core, sql)).await
            }

            /// Runs a statement that could not be executed, outside of the transaction that was begun for it.
            async fn run_again(&mut self, sql: &str, params: &dyn Parameters) -> Result<Outcome> {
                self.roll_back_in_vain().await?;
                self.run_once(sql, params).await
            }

            /// Rolls back the transaction that was begun for what could not be executed, if there is one.
            pub(super) async fn roll_back_in_vain(&mut self) -> Result<()> {
                $crate::core::observe::repeated();
                if self.with_core(|core| Ok(core.in_transaction())).await? {
                    self.perform(|core| core.queue_control("ROLLBACK")).await?;
                }
                Ok(())
            }

            /// Asks what has to be known before a statement can be executed.
            pub(super) async fn make_ready(
                &mut self,
                sql: &str,
                params: &dyn Parameters,
                mode: Mode,
            ) -> Result<Preparation> {
                let given = Given::of(params);
                let mut preparation = self
                    .with_core(|core| core.prepare(sql, given, mode))
                    .await?;
                if let Some(question) = preparation.question(self.known(), params)? {
                    // It is rare, and would make the future of every statement larger.
                    let asked = Box::pin(self.inquire(&mut preparation, question, sql, params));
                    asked.await?;
                }
                Ok(preparation)
            }

            /// Asks until nothing is left to be asked.
            async fn inquire(
                &mut self,
                preparation: &mut Preparation,
                mut question: Question,
                sql: &str,
                params: &dyn Parameters,
            ) -> Result<()> {
                loop {
                    let mut outcome = self.perform(|core| core.ask(sql, &question)).await?;
                    if outcome.again {
                        // The name for it was taken: the next one will not be.
                        outcome = self.perform(|core| core.ask(sql, &question)).await?;
                    }
                    preparation.learn(self.known(), sql, &question, outcome)?;
                    match preparation.question(self.known(), params)? {
                        Some(next) => question = next,
                        None => return Ok(()),
                    }
                }
            }

            /// Asks what a statement takes and gives, and has it kept prepared if that is wanted.
            pub(super) async fn ask_about(&mut self, sql: &str, keep: bool) -> Result<Statement> {
                let outcome = self
                    .perform(|core| core.queue_description(sql, keep))
                    .await?;
                let (description, unknown) = self
                    .known()
                    .described(outcome)
                    .map_err(|error| error.in_statement(sql))?;
                self.attach_types(&mut [], &unknown).await?;
                Ok(Statement::new(sql, description, self.known().types()))
            }

            /// Looks up the types made by users that these results are the first to have.
            pub(super) async fn attach_types(
                &mut self,
                results: &mut [Rows],
                unknown: &[u32],
            ) -> Result<()> {
                if unknown.is_empty() {
                    return Ok(());
                }
                let outcome = self.perform(|core| core.queue_lookup(unknown)).await?;
                self.known().insert_types(unknown, outcome)?;
                self.known().attach_types(results);
                Ok(())
            }
        }
    };
}

pub(super) use operations;
