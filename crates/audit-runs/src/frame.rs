//! Frames: the parts of a run that are read on their own, its dictionary and its blocks.
//!
//! A frame has what may be compressed (columns and texts) and what never can be (random bytes). It is: a varint, twice the
//! length of the former plus 1 if it is compressed; the length of the random bytes, a varint; these; and the former, as a
//! zstd frame if it is compressed.

use zstd::{
    bulk::{Compressor, Decompressor},
    zstd_safe::CParameter,
};

use crate::{
    bytes::{Reader, put_varint},
    fault::{RunFault, ensure},
};

/// The maximum length of a frame's content: 256 entries with the changes of the largest request each.
const MAX_CONTENT: u64 = 256 << 20;

/// The content of a frame.
#[derive(Default)]
pub(crate) struct Content {
    /// The part that may be compressed.
    pub(crate) plain: Vec<u8>,
    /// Random bytes.
    pub(crate) random: Vec<u8>,
}

/// Writes frames with one degree of compression.
pub(crate) struct Packer {
    compressor: Option<Compressor<'static>>,
}

impl Packer {
    /// Creates a packer that stores contents as they are.
    pub(crate) fn stored() -> Self {
        Self { compressor: None }
    }

    pub(crate) fn with_level(level: i32) -> Self {
        let mut compressor = Compressor::new(level).expect("the level is one of zstd's");
        // A frame has the length of its content already.
        compressor.set_parameter(CParameter::ContentSizeFlag(false)).expect("zstd has this parameter");
        Self { compressor: Some(compressor) }
    }

    pub(crate) fn put(&mut self, out: &mut Vec<u8>, content: &Content) {
        let compressed = self.compressor.as_mut().and_then(|compressor| compressor.compress(&content.plain).ok());
        let compressed = compressed.filter(|compressed| compressed.len() < content.plain.len());
        put_varint(out, content.plain.len() as u64 * 2 + u64::from(compressed.is_some()));
        put_varint(out, content.random.len() as u64);
        out.extend_from_slice(&content.random);
        out.extend_from_slice(compressed.as_ref().unwrap_or(&content.plain));
    }
}

/// Reads a frame that these bytes are.
pub(crate) fn unpack(bytes: &[u8]) -> Result<Content, RunFault> {
    let mut reader = Reader::new(bytes);
    let form = reader.varint()?;
    let length = form / 2;
    ensure(length <= MAX_CONTENT, "a frame is too large")?;
    let random = reader.count()?;
    let random = reader.take(random)?.to_vec();
    let packed = reader.take(reader.remaining())?;
    let plain = if form & 1 == 0 { packed.to_vec() } else { decompress(packed, length as usize)? };
    ensure(plain.len() as u64 == length, "a frame has not the length that it states")?;
    Ok(Content { plain, random })
}

fn decompress(packed: &[u8], length: usize) -> Result<Vec<u8>, RunFault> {
    let unreadable = |_| RunFault::new("a frame can't be decompressed");
    // Untouched memory costs nothing, so the stated length, which is bounded, may be reserved.
    let mut plain = Vec::with_capacity(length);
    let mut decompressor = Decompressor::new().map_err(unreadable)?;
    decompressor.decompress_to_buffer(packed, &mut plain).map_err(unreadable)?;
    Ok(plain)
}
