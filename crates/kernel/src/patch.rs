//! Changes to single fields.

/// The change to a nullable field in a patch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Patch<T> {
    /// The field keeps its value.
    #[default]
    Keep,
    /// The field is set to null.
    Clear,
    /// The field is set to this value.
    Set(T),
}

impl<T: Clone> Patch<T> {
    /// Returns the field's value after the change.
    pub fn apply_to(&self, current: Option<T>) -> Option<T> {
        match self {
            Self::Keep => current,
            Self::Clear => None,
            Self::Set(value) => Some(value.clone()),
        }
    }

    /// Whether the patch contains the field.
    #[must_use]
    pub const fn is_change(&self) -> bool {
        !matches!(self, Self::Keep)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_keeps_clears_or_sets_a_field() {
        assert_eq!(Patch::Keep.apply_to(Some(1)), Some(1));
        assert_eq!(Patch::Clear.apply_to(Some(1)), None);
        assert_eq!(Patch::Set(2).apply_to(Some(1)), Some(2));
        assert!(!Patch::<u8>::default().is_change());
        assert!(Patch::<u8>::Clear.is_change() && Patch::Set(2).is_change());
    }
}
