//! Enums with string names.

/// Defines an enum whose variants have string names, with the constant `ALL` and the method `name`. It can be the type
/// of a record's field. `Status = Draft { … }` makes `Draft` the value that an absent one stands for.
#[macro_export]
macro_rules! string_enum {
    ($(#[$doc:meta])* $name:ident $(= $default:ident)? { $($(#[$variant_doc:meta])* $variant:ident = $variant_name:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant,)* }

        impl $name {
            /// All variants.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The variant's name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $variant_name,)* }
            }
        }

        impl $crate::Scalar for $name {
            const TYPE: $crate::ColumnType = $crate::ColumnType::Name(&[$($variant_name,)*]);

            #[inline]
            fn value(&self) -> $crate::ScalarValue<'_> {
                $crate::ScalarValue::Name(self.name())
            }

            #[inline]
            fn decode_nullable<D: $crate::Decoder + ?Sized>(decoder: &mut D) -> Result<Option<Self>, D::Error> {
                let index = decoder.name(&[$($variant_name,)*])?;
                Ok(index.and_then(|index| Self::ALL.get(index).copied()))
            }

            $(fn default_value() -> Option<Self> {
                Some(Self::$default)
            })?
        }
    };
}
