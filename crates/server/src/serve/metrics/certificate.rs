//! The Prometheus metrics of the TLS certificate.

use prometheus::{IntCounter, IntGauge};

use super::Metrics;
use crate::failure::Failure;

/// The metrics of the certificate.
pub(crate) struct CertificateMetrics {
    /// The time at which the first certificate of the chain expires.
    pub(crate) expires: IntGauge,
    /// Number of changes that could not be used.
    pub(crate) refused: IntCounter,
}

impl CertificateMetrics {
    /// Creates and registers the metrics.
    ///
    /// # Errors
    /// If they are registered already.
    pub(crate) fn register(metrics: &Metrics) -> Result<Self, Failure> {
        let expires = IntGauge::new(
            "novantra_tls_certificate_expiry_timestamp_seconds",
            "Unix time at which the first certificate of the chain expires.",
        )?;
        let refused = IntCounter::new(
            "novantra_tls_certificate_refused_total",
            "Changes of the certificate files that could not be used.",
        )?;
        metrics.register(Box::new(expires.clone()))?;
        metrics.register(Box::new(refused.clone()))?;
        Ok(Self { expires, refused })
    }
}
