//! A connection and the statements it has prepared.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::AbortHandle;
use tokio_postgres::{Client, Config, Error, RowStream, Statement};

use super::{parameters::Parameter, statements::Statements, tls::Tls};
use crate::engine::failure::in_words;

/// Many may use it at once: what they ask is answered in the order it was asked.
pub(super) struct Connection {
    client: Client,
    driver: AbortHandle,
    statements: Mutex<Statements>,
}

impl Connection {
    /// Opens it and sets it up. What drives it ends by itself, when this is dropped or the server goes away.
    pub(super) async fn open(config: &Config, tls: Tls, settings: &str) -> Result<Self, Error> {
        let (client, driver) = config.connect(tls).await?;
        let driver = tokio::spawn(async move {
            if let Err(error) = driver.await {
                tracing::warn!("a connection to the database broke: {}", in_words(&error));
            }
        });
        client.batch_execute(settings).await?;
        Ok(Self { client, driver: driver.abort_handle(), statements: Mutex::default() })
    }

    /// Breaks it, whatever is still to be answered.
    pub(super) fn cut(&self) {
        self.driver.abort();
    }

    pub(super) fn is_dead(&self) -> bool {
        self.client.is_closed()
    }

    pub(super) async fn prepared(&self, text: &Arc<str>) -> Result<Statement, Error> {
        if let Some(statement) = self.statements().get(text) {
            return Ok(statement);
        }
        let statement = self.client.prepare(text).await?;
        self.statements().keep(text, statement.clone());
        Ok(statement)
    }

    /// Has the statement prepared anew when it is next asked for.
    pub(super) fn forget(&self, text: &Arc<str>) {
        self.statements().forget(text);
    }

    /// Runs a prepared statement. It is on its way when this is first polled.
    pub(super) async fn query(&self, statement: &Statement, values: &[Parameter<'_>]) -> Result<RowStream, Error> {
        self.client.query_raw(statement, values.iter().copied()).await
    }

    /// The same for a statement whose rows nobody reads: says how many it touched.
    pub(super) async fn execute(&self, statement: &Statement, values: &[Parameter<'_>]) -> Result<u64, Error> {
        self.client.execute_raw(statement, values.iter().copied()).await
    }

    /// Runs statements as they stand. They are on their way when this is first polled.
    pub(super) async fn run(&self, script: &str) -> Result<(), Error> {
        self.client.batch_execute(script).await
    }

    fn statements(&self) -> MutexGuard<'_, Statements> {
        self.statements.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
