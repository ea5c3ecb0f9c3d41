//! Texts that entries have in common, and references to them.

use std::{collections::HashMap, sync::Arc};

use crate::{
    bytes::{Reader, put_text, put_varint},
    fault::RunFault,
};

/// Longer texts are never in the dictionary, which is read for each block.
const MAX_LENGTH: usize = 200;

/// The texts of a dictionary.
pub(crate) struct Texts(Vec<Arc<str>>);

impl Texts {
    pub(crate) fn read(plain: &mut Reader<'_>) -> Result<Self, RunFault> {
        let count = plain.count()?;
        (0..count).map(|_| plain.text().map(Arc::from)).collect::<Result<_, _>>().map(Self)
    }

    /// Returns the text that a reference from [`OwnTexts::refer`] is to: one of the dictionary, or the next of those
    /// that only the block has.
    pub(crate) fn resolve<'a>(&'a self, reference: u64, own: &mut Reader<'a>) -> Result<&'a str, RunFault> {
        match reference.checked_sub(1) {
            None => own.text(),
            Some(index) => usize::try_from(index)
                .ok()
                .and_then(|index| self.0.get(index))
                .map(|text| &**text)
                .ok_or_else(|| RunFault::new("a text is not in the dictionary")),
        }
    }
}

/// The texts of the entries of a run, counted.
#[derive(Default)]
pub(crate) struct TextCounts<'a> {
    counts: HashMap<&'a str, (usize, usize)>,
}

impl<'a> TextCounts<'a> {
    pub(crate) fn add(&mut self, text: &'a str) {
        if text.len() <= MAX_LENGTH {
            let next = self.counts.len();
            self.counts.entry(text).or_insert((0, next)).0 += 1;
        }
    }

    /// Returns the texts that occur more than once: the most frequent first, so that their numbers are small.
    pub(crate) fn into_repeated(self) -> Vec<&'a str> {
        let mut repeated: Vec<_> = self.counts.into_iter().filter(|(_, (count, _))| *count > 1).collect();
        repeated.sort_unstable_by_key(|(_, (count, first))| (std::cmp::Reverse(*count), *first));
        repeated.into_iter().map(|(text, _)| text).collect()
    }
}

pub(crate) fn put_texts(out: &mut Vec<u8>, texts: &[&str]) {
    put_varint(out, texts.len() as u64);
    texts.iter().for_each(|text| put_text(out, text));
}

/// The texts that only one block has, in the order of the references to them.
#[derive(Default)]
pub(crate) struct OwnTexts {
    pub(crate) bytes: Vec<u8>,
}

impl OwnTexts {
    /// Returns the reference to a text: 0 for one that only the block has, which is added to these.
    pub(crate) fn refer(&mut self, numbers: &HashMap<&str, u64>, text: &str) -> u64 {
        match numbers.get(text) {
            Some(number) => number + 1,
            None => {
                put_text(&mut self.bytes, text);
                0
            }
        }
    }
}
