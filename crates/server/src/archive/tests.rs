//! Backups as they are made, and as somebody may have made them.

use std::{fs, path::Path};

use tar::{Builder, EntryType, Header};

use super::*;

/// Folders to pack from and to unpack to.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        fs::write(place.path("made.db"), [7; 5000]).unwrap();
        fs::create_dir_all(place.path("made/ab/cd")).unwrap();
        fs::write(place.path("made/ab/cd/report.pdf"), "a report").unwrap();
        fs::write(place.path(&format!("made/{}", "long".repeat(40))), "").unwrap();
        place
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn pack(&self) -> Vec<u8> {
        let mut packed = Vec::new();
        let files = pack(&mut packed, &manifest(), 1, &self.path("made.db"), &self.path("made")).unwrap();
        assert_eq!(files, 2);
        packed
    }

    fn unpack(&self, packed: &[u8]) -> Result<Unpacked, String> {
        let to = tempfile::tempdir_in(self.0.path()).unwrap().keep();
        let unpacked = unpack(packed, &to.join("novantra.db"), &to.join("files"));
        if unpacked.is_ok() {
            assert_eq!(fs::read(to.join("novantra.db")).unwrap(), [7; 5000]);
            assert_eq!(fs::read(to.join("files/ab/cd/report.pdf")).unwrap(), b"a report");
            assert!(to.join("files").join("long".repeat(40)).exists());
        }
        unpacked.map_err(|failure| failure.to_string())
    }
}

fn manifest() -> Manifest {
    Manifest { format: FORMAT, program: "0.1.0".into(), schema: 5, made_at: "2026-11-22T08:00:00.000Z".into() }
}

/// A tar of these entries.
fn tar_of(entries: &[(&str, EntryType, &[u8])]) -> Vec<u8> {
    let mut tar = Builder::new(Vec::new());
    for (name, kind, content) in entries {
        let mut header = Header::new_gnu();
        // Not by the means that refuse what is refused here.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(*kind);
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        tar.append(&header, *content).unwrap();
    }
    tar.into_inner().unwrap()
}

#[test]
fn what_is_packed_is_unpacked_with_its_manifest() {
    let place = Place::new();
    let unpacked = place.unpack(&place.pack()).unwrap();
    assert_eq!((unpacked.manifest, unpacked.attachments), (manifest(), 2));
}

#[test]
fn a_folder_that_is_not_there_has_no_files() {
    let place = Place::new();
    let mut packed = Vec::new();
    assert_eq!(pack(&mut packed, &manifest(), 1, &place.path("made.db"), Path::new("/nowhere/at/all")).unwrap(), 0);
}

#[test]
fn a_backup_that_is_cut_off_anywhere_is_refused() {
    let place = Place::new();
    let packed = place.pack();
    // The last kilobyte is the mark of a tar's end, and what fills the block before it.
    for length in (0..packed.len() - 1024 - 512).step_by(256) {
        let told = place.unpack(&packed[..length]).unwrap_err();
        assert!(told.contains("cut off") || told.contains("no backup"), "{length}: {told}");
    }
}

#[test]
fn a_backup_in_which_one_byte_has_changed_is_refused() {
    let place = Place::new();
    let packed = place.pack();
    for what in [b"\x07\x07\x07".as_slice(), b"a report", b"2026-11-22"] {
        let mut changed = packed.clone();
        let at = changed.windows(what.len()).position(|window| window == what).unwrap();
        changed[at] ^= 1;
        assert!(place.unpack(&changed).unwrap_err().contains("damaged"));
    }
}

#[test]
fn what_leads_out_of_the_folder_is_no_file_or_is_unknown_is_refused() {
    let place = Place::new();
    let said = serde_json::to_vec(&manifest()).unwrap();
    let with = |name: &str, kind| {
        place.unpack(&tar_of(&[(MANIFEST, EntryType::Regular, &said), (name, kind, b"")])).unwrap_err()
    };
    for name in ["attachments/../../escaped", "../escaped", "/etc/escaped", "attachments/./x/../../../escaped"] {
        let told = with(name, EntryType::Regular);
        assert!(told.contains("leads out of its folder"), "{name}: {told}");
    }
    assert!(!place.path("escaped").exists());
    for kind in [EntryType::Symlink, EntryType::Link, EntryType::Fifo, EntryType::Directory] {
        assert!(with("attachments/x", kind).contains("no plain file"), "{kind:?}");
    }
    assert!(with("novantra.cfg", EntryType::Regular).contains("nothing this program knows"));
}

#[test]
fn a_backup_of_another_format_is_refused_by_its_number_and_what_is_none_by_that() {
    let place = Place::new();
    let only = |said: &[u8]| place.unpack(&tar_of(&[(MANIFEST, EntryType::Regular, said)])).unwrap_err();
    assert_eq!(only(br#"{"format":2,"shards":[]}"#), "it has format 2, and this program reads 1");
    for other in [only(b"{}"), only(b"PK"), place.unpack(&[b'x'; 4096]).unwrap_err(), place.unpack(b"").unwrap_err()] {
        assert!(other.contains("no backup of novantra"), "{other}");
    }
    let without = tar_of(&[(DATABASE, EntryType::Regular, b"")]);
    assert!(place.unpack(&without).unwrap_err().contains("no backup of novantra"));
}
