//! The collection of what the entries of a run have in common, from which its dictionary is written.

use std::{collections::HashMap, hash::Hash};

use kernel::{Entry, Ulid};

use super::{CallKey, CallerKey, SubjectId, put_subjects};
use crate::{
    bytes::put_varint,
    changes::for_each_text,
    frame::Content,
    neighbours::Neighbours,
    texts::{TextCounts, put_texts},
};

/// The numbers by which the entries of a run refer to what they have in common.
pub(crate) struct Collected<'a> {
    pub(crate) callers: Numbers<CallerKey<'a>>,
    pub(crate) calls: Numbers<CallKey<'a>>,
    pub(crate) subjects: HashMap<Ulid, u64>,
    pub(crate) texts: HashMap<&'a str, u64>,
    pub(crate) neighbours: Neighbours,
    content: Content,
}

/// Values with their numbers, in the order in which they were met.
pub(crate) struct Numbers<K>(HashMap<K, u64>, Vec<K>);

impl<K: Copy + Eq + Hash> Numbers<K> {
    fn add(&mut self, key: K) {
        let next = self.1.len() as u64;
        self.0.entry(key).or_insert_with(|| {
            self.1.push(key);
            next
        });
    }

    pub(crate) fn number(&self, key: &K) -> u64 {
        *self.0.get(key).expect("all entries of the run were collected")
    }
}

impl<K> Default for Numbers<K> {
    fn default() -> Self {
        Self(HashMap::new(), Vec::new())
    }
}

impl<'a> Collected<'a> {
    pub(crate) fn new(entries: impl Iterator<Item = &'a Entry>) -> Self {
        let (mut callers, mut calls, mut texts) = (Numbers::default(), Numbers::default(), TextCounts::default());
        let mut subjects = HashMap::<Ulid, usize>::new();
        for entry in entries {
            callers.add(CallerKey::new(entry));
            let (call, subject) = CallKey::new(entry);
            calls.add(call);
            match subject {
                Some(SubjectId::Ulid(ulid)) => *subjects.entry(ulid).or_default() += 1,
                Some(SubjectId::Text(text)) => texts.add(text),
                None => {}
            }
            if let Some(reason) = &entry.reason {
                texts.add(reason.as_str());
            }
            for_each_text(&entry.changes, |text| texts.add(text));
        }
        let mut repeated: Vec<Ulid> =
            subjects.into_iter().filter(|(_, count)| *count > 1).map(|(ulid, _)| ulid).collect();
        repeated.sort_unstable();
        let texts = texts.into_repeated();

        let mut content = Content::default();
        put_varint(&mut content.plain, callers.1.len() as u64);
        callers.1.iter().for_each(|caller| caller.put(&mut content));
        put_varint(&mut content.plain, calls.1.len() as u64);
        calls.1.iter().for_each(|call| call.put(&mut content));
        let neighbours = put_subjects(&mut content, &repeated);
        put_texts(&mut content.plain, &texts);
        Self {
            callers,
            calls,
            subjects: repeated.into_iter().zip(0..).collect(),
            texts: texts.into_iter().zip(0..).collect(),
            neighbours,
            content,
        }
    }

    /// The content of the dictionary's frame.
    pub(crate) fn content(&self) -> &Content {
        &self.content
    }
}
