//! Compression of stored responses. Those to batches repeat themselves, and are kept for a day.

use kernel::StoredResponse;

/// The size from which a body is compressed, in bytes.
const MIN_BYTES: usize = 512;

/// The largest body that is decompressed, in bytes. No response that is stored is as large.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// The header that marks a stored response whose body is compressed, and has the original size. It is never sent to a
/// client.
const COMPRESSED_MARKER: &str = "novantra-zstd";

/// Compresses the body, if that makes it smaller. Must not be used for a body that holds a secret: the size of the
/// result depends on what the secret has in common with the rest.
pub(super) fn compress(stored: &mut StoredResponse) {
    if stored.body.len() < MIN_BYTES {
        return;
    }
    match zstd::bulk::compress(&stored.body, zstd::DEFAULT_COMPRESSION_LEVEL) {
        Ok(compressed) if compressed.len() < stored.body.len() => {
            stored.headers.push((COMPRESSED_MARKER.to_owned(), stored.body.len().to_string()));
            stored.body = compressed.into();
        }
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "a response could not be compressed, so it is stored as it is"),
    }
}

/// Restores the body of a response that was compressed. Returns `false` if that fails.
pub(super) fn decompress(stored: &mut StoredResponse) -> bool {
    let Some(index) = stored.headers.iter().position(|(name, _)| name == COMPRESSED_MARKER) else { return true };
    let (_, size) = stored.headers.remove(index);
    let size = size.parse().ok().filter(|size| *size <= MAX_BYTES);
    match size.and_then(|size| zstd::bulk::decompress(&stored.body, size).ok()) {
        Some(body) => {
            stored.body = body.into();
            true
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(body: Vec<u8>) -> StoredResponse {
        StoredResponse { status: 200, headers: vec![("etag".to_owned(), "x".to_owned())], body: body.into() }
    }

    #[test]
    fn a_compressed_response_is_restored_byte_for_byte_without_its_marker() {
        let repetitive = (0..500).map(|n| format!(r#"{{"result":"failed","key":"{n}"}}"#)).collect::<String>();
        for body in [Vec::new(), b"{}".to_vec(), repetitive.clone().into_bytes(), vec![7; 300_000]] {
            let original = stored(body);
            let mut kept = original.clone();
            compress(&mut kept);
            assert!(decompress(&mut kept));
            assert_eq!(kept, original);
        }
        let mut kept = stored(repetitive.into_bytes());
        let size = kept.body.len();
        compress(&mut kept);
        assert!(kept.body.len() * 5 < size, "{} of {size} bytes", kept.body.len());
    }

    #[test]
    fn an_altered_response_is_not_restored() {
        for size in ["3", "x", "99999999999"] {
            let mut kept = stored(vec![b'x'; 2000]);
            compress(&mut kept);
            kept.headers.last_mut().unwrap().1 = size.to_owned();
            assert!(!decompress(&mut kept), "{size}");
        }
    }
}
