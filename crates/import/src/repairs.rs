//! Repairs: the parts of a file that were left out or replaced, so that the rest could be used.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
};

use crate::shorten;

/// The maximum number of repairs of a file that are described; the others are counted.
pub const MAX_DESCRIBED_REPAIRS: usize = 100;

/// A part of the file that was left out or replaced. Its texts can be displayed: characters that a line can't have, such
/// as those that control a terminal, are replaced by U+FFFD, and long texts are cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repair {
    /// The path of the part in the file, such as `runs[0].results[3].level`; empty for the file as a whole.
    pub path: String,
    /// The description of the fault and of what is used instead.
    pub message: String,
}

/// A list that has more elements than are read.
pub(crate) struct Cut {
    pub(crate) path: String,
    /// The address of the list in the text.
    pub(crate) address: usize,
    pub(crate) count: usize,
    pub(crate) read: usize,
}

/// Collects the repairs of a file. Readers of its parts share it.
pub(crate) struct Repairs {
    count: Cell<usize>,
    described: RefCell<Vec<Repair>>,
    /// The lists that were cut, by address.
    cut_lists: RefCell<BTreeMap<usize, Cut>>,
    /// The maximum number of elements that are read of a list.
    pub(crate) max_elements: usize,
}

impl Default for Repairs {
    fn default() -> Self {
        Self::with_max_elements(usize::MAX)
    }
}

impl Repairs {
    pub(crate) fn with_max_elements(max_elements: usize) -> Self {
        Self { count: Cell::default(), described: RefCell::default(), cut_lists: RefCell::default(), max_elements }
    }

    pub(crate) fn add(&self, repair: impl FnOnce() -> Repair) {
        self.count.set(self.count.get() + 1);
        let mut described = self.described.borrow_mut();
        if described.len() < MAX_DESCRIBED_REPAIRS {
            let Repair { path, message } = repair();
            described.push(Repair { path: shorten::message(&path), message: shorten::message(&message) });
        }
    }

    /// Adds a repair of the file as a whole.
    pub(crate) fn add_to_file(&self, message: impl FnOnce() -> String) {
        self.add(|| Repair { path: String::new(), message: message() });
    }

    /// Notes a list of which only the first elements are read. What is left out is no repair, but a failure.
    pub(crate) fn cut_list(&self, cut: Cut) {
        self.cut_lists.borrow_mut().insert(cut.address, cut);
    }

    /// The lists that were cut, in the order of the file.
    pub(crate) fn take_cut_lists(&self) -> impl Iterator<Item = Cut> {
        self.cut_lists.take().into_values()
    }

    pub(crate) fn count(&self) -> usize {
        self.count.get()
    }

    pub(crate) fn into_described(self) -> Vec<Repair> {
        self.described.into_inner()
    }
}
