//! When a chain of certificates ends.

use kernel::Timestamp;
use rustls::pki_types::CertificateDer;
use x509_cert::{
    certificate::{CertificateInner, Raw},
    der::{self, Decode},
};

/// The moment from which on clients refuse the chain: when the first of its certificates ends.
///
/// # Errors
/// A certificate that can't be read.
pub(super) fn of_chain(chain: &[CertificateDer<'_>]) -> der::Result<Timestamp> {
    chain.iter().map(of_one).try_fold(Timestamp::from_millis(i64::MAX), |first, one| Ok(first.min(one?)))
}

fn of_one(certificate: &CertificateDer<'_>) -> der::Result<Timestamp> {
    // What issuers write into certificates is not always by the book; only the dates matter here.
    let certificate = CertificateInner::<Raw>::from_der(certificate)?;
    let ends = certificate.tbs_certificate().validity().not_after.to_unix_duration();
    Ok(Timestamp::from_millis(i64::try_from(ends.as_millis()).unwrap_or(i64::MAX)))
}
