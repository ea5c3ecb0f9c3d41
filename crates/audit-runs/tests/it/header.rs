//! Headers and frames that no encoder writes.

use audit_runs::{Effort, Header, decode, encode_sealed, encode_waiting};

use crate::{
    entries::{anchors, organization},
    workload::reads,
};

/// Returns the reason for which a run is refused after these bytes at an offset were replaced.
fn fault(run: &[u8], offset: usize, bytes: &[u8]) -> String {
    let mut changed = run.to_vec();
    changed[offset..offset + bytes.len()].copy_from_slice(bytes);
    Header::parse(&changed).expect_err("the header is refused").to_string()
}

#[test]
fn a_header_that_contradicts_itself_is_refused() {
    let list = reads(300);
    let run = encode_sealed(organization(), 1, &list, &anchors(1, &list), Effort::Quick);
    assert_eq!(fault(&run, 0, b"NVA2"), "these bytes are not a run, or one of a later version");
    assert_eq!(fault(&run, 4, &[3]), "the run is of a later version");
    assert_eq!(fault(&run, 5, &[1]), "the run is of a later version");
    assert_eq!(fault(&run, 6, &[3, 0]), "the run has a wrong number of blocks");
    for (sealed, first) in [(1, 0_i64), (1, -1), (0, 1), (0, -1), (1, i64::MAX)] {
        let changed = [&run[..4], &[sealed], &run[5..24], &first.to_le_bytes(), &run[32..]].concat();
        let fault = Header::parse(&changed).unwrap_err().to_string();
        assert_eq!(fault, "the run has no valid first sequence", "{first}");
    }
    assert_eq!(fault(&run, 32, &4_097_u32.to_le_bytes()), "the run has too many entries");
    assert_eq!(fault(&run, 32, &513_u32.to_le_bytes()), "the run has a wrong number of blocks");
}

#[test]
fn a_run_of_seventeen_blocks_is_refused() {
    let run = encode_waiting(organization(), &reads(1).iter().collect::<Vec<_>>());
    let mut changed = run.clone();
    changed[4] = 1;
    changed[6] = 17;
    changed[24] = 2;
    changed[32..36].copy_from_slice(&4_096_u32.to_le_bytes());
    assert_eq!(Header::parse(&changed).unwrap_err().to_string(), "the run has too many blocks");
}

#[test]
fn the_parts_of_a_run_must_be_in_order() {
    let run = encode_waiting(organization(), &reads(1).iter().collect::<Vec<_>>());
    let out_of_order = "the parts of the run are out of order";
    assert_eq!(fault(&run, 36, &[47]), out_of_order);
    assert_eq!(fault(&run, 40, &[47]), out_of_order);
    assert_eq!(fault(&run, 44, &[0, 0]), out_of_order);
}

/// Returns the reason for which a run without entries is refused whose dictionary is this frame.
fn frame_fault(frame: &[u8]) -> String {
    let empty = encode_waiting(organization(), &[]);
    let end = (44 + frame.len() as u32).to_le_bytes();
    decode(&[&empty[..40], &end, frame].concat()).expect_err("the frame is refused").to_string()
}

#[test]
fn a_frame_is_not_trusted() {
    // Twice the length and 1 for zstd; 4 empty lists are the plain dictionary of no entries.
    let empty = encode_waiting(organization(), &[]);
    let plain = &empty[46..];
    assert_eq!(empty[44..46], [plain.len() as u8 * 2, 0]);
    assert_eq!(frame_fault(&[&empty[44..], &[0]].concat()), "a frame has not the length that it states");
    assert_eq!(frame_fault(&[&[plain.len() as u8 * 2 + 2, 0], plain, &[0]].concat()), "there are bytes behind the end");
    assert_eq!(frame_fault(&[&[plain.len() as u8 * 2, 1, 9], plain].concat()), "there are bytes behind the end");
    assert_eq!(frame_fault(&[0x83, 0x80, 0x80, 0x80, 0x02, 0]), "a frame is too large");
    assert_eq!(frame_fault(&[0x80, 0x80, 0x80, 0x80, 0x01, 0]), "a frame has not the length that it states");
    assert_eq!(frame_fault(&[3, 0, 1, 2, 3]), "a frame can't be decompressed");
    let bomb = zstd::bulk::compress(&[0; 1 << 20], 3).unwrap();
    assert_eq!(frame_fault(&[&[0x81, 0x01, 0], bomb.as_slice()].concat()), "a frame can't be decompressed");
    assert_eq!(frame_fault(&[2, 5, 0]), "a length is beyond the end of the bytes");
    assert_eq!(frame_fault(&[0x80; 11]), "a number is too long");
}
