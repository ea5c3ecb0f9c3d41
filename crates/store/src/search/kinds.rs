//! The kinds of records that are searched: those whose statement names a title.

use kernel::{Kind, Resource};

/// Returns the kinds of records that have a title.
pub fn searched_kinds() -> impl Iterator<Item = Kind> {
    macro_rules! kinds {
        ($($kind:ident => $record:ty,)*) => { &[$((Kind::$kind, <$record as Resource>::HAS_TITLE),)*] };
    }
    let all: &'static [(Kind, bool)] = crate::for_each_resource!(kinds);
    all.iter().filter(|(_, has_title)| *has_title).map(|(kind, _)| *kind)
}
