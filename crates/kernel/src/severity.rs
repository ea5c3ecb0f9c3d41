//! The severity of findings and vulnerabilities.

crate::string_enum! {
    /// The severity of a finding or a vulnerability, in ascending order.
    Severity {
        /// For information.
        Info = "info",
        /// Minor harm.
        Low = "low",
        /// Moderate harm.
        Medium = "medium",
        /// Serious harm.
        High = "high",
        /// Harm that requires immediate action.
        Critical = "critical",
    }
}
