//! The prepared statements of a connection.

use std::{collections::HashMap, sync::Arc};

use tokio_postgres::Statement;

/// The maximum number of prepared statements per connection; list queries with many filters may have more shapes. The
/// least recently used statement is evicted first.
const MOST: usize = 512;

/// A cache keyed by the address of a statement's text, which is unique while the cache holds a reference to the text.
#[derive(Default)]
pub(super) struct Statements {
    kept: HashMap<usize, Kept>,
    uses: u64,
}

struct Kept {
    _text: Arc<str>,
    statement: Statement,
    used: u64,
}

impl Statements {
    pub(super) fn get(&mut self, text: &Arc<str>) -> Option<Statement> {
        self.uses += 1;
        let cached = self.kept.get_mut(&address(text))?;
        cached.used = self.uses;
        Some(cached.statement.clone())
    }

    pub(super) fn keep(&mut self, text: &Arc<str>, statement: Statement) {
        if self.kept.len() >= MOST
            && let Some(oldest) = self.kept.iter().min_by_key(|(_, cached)| cached.used).map(|(address, _)| *address)
        {
            self.kept.remove(&oldest);
        }
        self.kept.insert(address(text), Kept { _text: Arc::clone(text), statement, used: self.uses });
    }

    /// Removes a statement that the server no longer has in this form, so that it is prepared again.
    pub(super) fn forget(&mut self, text: &Arc<str>) {
        self.kept.remove(&address(text));
    }
}

fn address(text: &Arc<str>) -> usize {
    text.as_ptr().addr()
}
