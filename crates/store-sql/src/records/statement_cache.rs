//! A cache of the SQL statements of one kind.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
};

use crate::engine::Sql;

/// The most statements in the cache, more than are used in practice. A full cache is emptied, to bound its memory.
const MAX_STATEMENTS: usize = 512;

/// SQL statements by the parameters of which they are built.
#[derive(Debug)]
pub(crate) struct StatementCache<K> {
    statements: Mutex<HashMap<K, Arc<Sql>>>,
}

impl<K> Default for StatementCache<K> {
    fn default() -> Self {
        Self { statements: Mutex::default() }
    }
}

impl<K: Eq + Hash> StatementCache<K> {
    pub(crate) fn get(&self, key: K, build: impl FnOnce(&K) -> Sql) -> Arc<Sql> {
        let mut statements = self.statements.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sql) = statements.get(&key) {
            return Arc::clone(sql);
        }
        if statements.len() >= MAX_STATEMENTS {
            statements.clear();
        }
        let sql = Arc::new(build(&key));
        statements.insert(key, Arc::clone(&sql));
        sql
    }
}
