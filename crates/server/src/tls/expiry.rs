//! The expiry of a certificate chain.

use kernel::Timestamp;
use rustls::pki_types::CertificateDer;
use x509_cert::{
    certificate::{CertificateInner, Raw},
    der::{self, Decode},
};

/// Returns the time at which the first certificate of the chain expires; from then on, clients refuse the chain.
///
/// # Errors
/// If a certificate can't be parsed.
pub(super) fn chain_expiry(chain: &[CertificateDer<'_>]) -> der::Result<Timestamp> {
    chain.iter().map(certificate_expiry).try_fold(Timestamp::from_millis(i64::MAX), |first, one| Ok(first.min(one?)))
}

fn certificate_expiry(certificate: &CertificateDer<'_>) -> der::Result<Timestamp> {
    // Some issuers deviate from the standard; `Raw` accepts that, since only the dates matter here.
    let certificate = CertificateInner::<Raw>::from_der(certificate)?;
    let expiry = certificate.tbs_certificate().validity().not_after.to_unix_duration();
    Ok(Timestamp::from_millis(i64::try_from(expiry.as_millis()).unwrap_or(i64::MAX)))
}
