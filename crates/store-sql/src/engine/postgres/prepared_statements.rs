//! The prepared statements of a connection.

use std::{collections::HashMap, sync::Arc};

use tokio_postgres::Statement;

/// The maximum number of prepared statements per connection; list queries with many filters may have more shapes. The
/// least recently used statement is evicted first.
const MAX_STATEMENTS: usize = 512;

/// A cache keyed by the address of a statement's text, which is unique while the cache holds a reference to the text.
#[derive(Default)]
pub(super) struct PreparedStatements {
    entries: HashMap<usize, CachedStatement>,
    use_count: u64,
}

struct CachedStatement {
    _text: Arc<str>,
    statement: Statement,
    last_used: u64,
}

impl PreparedStatements {
    pub(super) fn get(&mut self, text: &Arc<str>) -> Option<Statement> {
        self.use_count += 1;
        let cached = self.entries.get_mut(&address(text))?;
        cached.last_used = self.use_count;
        Some(cached.statement.clone())
    }

    pub(super) fn insert(&mut self, text: &Arc<str>, statement: Statement) {
        if self.entries.len() >= MAX_STATEMENTS
            && let Some(oldest) =
                self.entries.iter().min_by_key(|(_, cached)| cached.last_used).map(|(address, _)| *address)
        {
            self.entries.remove(&oldest);
        }
        self.entries
            .insert(address(text), CachedStatement { _text: Arc::clone(text), statement, last_used: self.use_count });
    }

    /// Removes a statement that the server no longer has in this form, so that it is prepared again.
    pub(super) fn remove(&mut self, text: &Arc<str>) {
        self.entries.remove(&address(text));
    }
}

fn address(text: &Arc<str>) -> usize {
    text.as_ptr().addr()
}
