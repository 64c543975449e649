//! The connection of a client to oneself.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use super::hub::{Hub, OwnSession};
use crate::asynchronous::AsyncSession;

/// The connection of a client for oneself, from [`AsyncClient::lease`](crate::AsyncClient::lease); dropping it gives it back.
///
/// Statements are run by the methods of [`AsyncSession`].
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), howdah::Error> {
/// # let client = howdah::AsyncClient::connect("").await?;
/// let mut lease = client.lease().await?;
/// lease.execute("CREATE TEMP TABLE counted (n int4)", ()).await?;
/// let mut copy = lease.copy_in("COPY counted FROM STDIN").await?;
/// copy.send(b"1\n2\n").await?;
/// copy.finish().await?;
/// drop(lease);
/// assert_eq!(client.query_scalar::<i64>("SELECT count(*) FROM counted", ()).await?, 2);
/// # Ok(())
/// # }
/// ```
#[must_use = "dropping it gives the connection back"]
pub struct AsyncLease {
    hub: Arc<Hub>,
    /// Taken when it is dropped.
    session: Option<OwnSession>,
}

impl AsyncLease {
    pub(super) fn new(hub: Arc<Hub>, session: OwnSession) -> Self {
        let session = Some(session);
        Self { hub, session }
    }
}

impl Deref for AsyncLease {
    type Target = AsyncSession;

    fn deref(&self) -> &AsyncSession {
        match &self.session {
            Some(session) => &**session,
            None => unreachable!("it is used before it is dropped"),
        }
    }
}

impl DerefMut for AsyncLease {
    fn deref_mut(&mut self) -> &mut AsyncSession {
        match &mut self.session {
            Some(session) => &mut **session,
            None => unreachable!("it is used before it is dropped"),
        }
    }
}

impl Drop for AsyncLease {
    fn drop(&mut self) {
        if let Some(mut session) = self.session.take() {
            let left: &mut AsyncSession = &mut *session;
            left.detach();
            left.core.tidy();
            left.core.limit = None;
            self.hub.give_back(session);
        }
    }
}

impl fmt::Debug for AsyncLease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncLease")
            .field("info", &self.info())
            .finish_non_exhaustive()
    }
}
