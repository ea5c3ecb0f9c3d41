//! The status of what is defined and then applies: frameworks, controls, requirements, baselines.

use kernel::string_enum;

string_enum! {
    /// The status of something that is written, then applies, and then no longer does.
    DefinitionStatus = Draft {
        /// It is being written.
        Draft = "draft",
        /// It is in force.
        Active = "active",
        /// It is no longer in force.
        Retired = "retired",
    }
}
