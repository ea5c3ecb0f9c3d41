//! The read-mostly modules, one file each: records that people and importers maintain and integrations read.

mod control;
mod sync;

pub use control::{Control, ControlStatus};
pub use sync::{SyncOutcome, sync};

/// Calls `$with!` with every register, as `Kind => Type` pairs behind those of `$before`. A new register adds its line
/// here: stores, the API, bundles and tests take it from this list.
#[macro_export]
macro_rules! for_each_register {
    ($with:ident $(, $($before:tt)*)?) => {
        $with! {
            $($($before)*)?
            Control => ::registers::Control,
        }
    };
}
