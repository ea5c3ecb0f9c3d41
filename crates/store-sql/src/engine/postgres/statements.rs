//! The statements a connection has prepared.

use std::{collections::HashMap, sync::Arc};

use tokio_postgres::Statement;

/// How many a connection keeps; lists with many filters at once may have more shapes. The least used goes first.
const MOST: usize = 512;

/// By their text's address, which nothing else can have as long as the text is held here.
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
        let kept = self.kept.get_mut(&address(text))?;
        kept.used = self.uses;
        Some(kept.statement.clone())
    }

    pub(super) fn keep(&mut self, text: &Arc<str>, statement: Statement) {
        if self.kept.len() >= MOST
            && let Some(least) = self.kept.iter().min_by_key(|(_, kept)| kept.used).map(|(address, _)| *address)
        {
            self.kept.remove(&least);
        }
        self.kept.insert(address(text), Kept { _text: Arc::clone(text), statement, used: self.uses });
    }

    /// To be prepared anew: the server does not have it any more as it was.
    pub(super) fn forget(&mut self, text: &Arc<str>) {
        self.kept.remove(&address(text));
    }
}

fn address(text: &Arc<str>) -> usize {
    text.as_ptr().addr()
}
