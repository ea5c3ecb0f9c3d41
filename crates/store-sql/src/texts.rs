//! The statements of one sort that were asked for, kept.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
};

use crate::engine::Sql;

/// More than are ever asked for in practice; beyond, the memory is worth more than the text.
const MOST: usize = 512;

/// Statements by what makes them differ.
#[derive(Debug)]
pub(crate) struct Texts<K> {
    kept: Mutex<HashMap<K, Arc<Sql>>>,
}

impl<K> Default for Texts<K> {
    fn default() -> Self {
        Self { kept: Mutex::default() }
    }
}

impl<K: Eq + Hash> Texts<K> {
    pub(crate) fn get(&self, key: K, build: impl FnOnce(&K) -> Sql) -> Arc<Sql> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sql) = kept.get(&key) {
            return Arc::clone(sql);
        }
        if kept.len() >= MOST {
            kept.clear();
        }
        let sql = Arc::new(build(&key));
        kept.insert(key, Arc::clone(&sql));
        sql
    }
}
