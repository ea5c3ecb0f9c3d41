//! Tests with valid, damaged and malicious backups.

use std::fs;

use tar::{Builder, EntryType, Header};

use super::*;
use crate::failure::Failure;

/// A temporary folder with files to pack and room to unpack them.
struct TestFolder(tempfile::TempDir);

impl TestFolder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        fs::write(folder.path("made.db"), [7; 5000]).unwrap();
        folder
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn pack(&self) -> Vec<u8> {
        let mut packed = Vec::new();
        let long = "long".repeat(40);
        let mut files = Files(vec![("ab/cd/report.pdf", "a report"), (&long, "")]);
        let files = pack(&mut packed, &manifest(), 1, &self.path("made.db"), &mut files).unwrap();
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

/// Attachments with these names and contents.
struct Files<'a>(Vec<(&'a str, &'static str)>);

impl AttachmentSource for Files<'_> {
    fn next(&mut self) -> Result<Option<AttachmentFile>, Failure> {
        Ok(self.0.pop().map(|(name, content)| AttachmentFile {
            name: name.to_owned(),
            length: content.len() as u64,
            content: Box::new(content.as_bytes()),
        }))
    }
}

fn manifest() -> Manifest {
    Manifest {
        format: FORMAT,
        program: env!("CARGO_PKG_VERSION").into(),
        schema: 5,
        made_at: "2026-11-22T08:00:00.000Z".into(),
        without_attachments: false,
    }
}

/// A tar archive of these entries.
fn tar_of(entries: &[(&str, EntryType, &[u8])]) -> Vec<u8> {
    let mut tar = Builder::new(Vec::new());
    for (name, kind, content) in entries {
        let mut header = Header::new_gnu();
        // Written directly, because `set_path` refuses the names that this test needs.
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
fn a_packed_backup_is_unpacked_with_its_manifest() {
    let folder = TestFolder::new();
    let unpacked = folder.unpack(&folder.pack()).unwrap();
    assert_eq!((unpacked.manifest, unpacked.attachments), (manifest(), 2));
}

#[test]
fn an_attachment_that_ends_before_its_length_fails_the_backup() {
    struct Truncated;

    impl AttachmentSource for Truncated {
        fn next(&mut self) -> Result<Option<AttachmentFile>, Failure> {
            Ok(Some(AttachmentFile { name: "a".to_owned(), length: 9, content: Box::new(b"a report".as_slice()) }))
        }
    }

    let folder = TestFolder::new();
    let packed = pack(&mut Vec::new(), &manifest(), 1, &folder.path("made.db"), &mut Truncated);
    assert!(packed.unwrap_err().to_string().contains("attachments/a"));
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_use_what_was_unpacked() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = TestFolder::new();
    let to = folder.path("unpacked");
    unpack(&*folder.pack(), &to.join("novantra.db"), &to.join("files")).unwrap();
    for (path, mode) in
        [("novantra.db", 0o600), ("files/ab/cd/report.pdf", 0o600), ("files/ab", 0o700), ("files", 0o700)]
    {
        assert_eq!(fs::metadata(to.join(path)).unwrap().permissions().mode() & 0o777, mode, "{path}");
    }
}

#[test]
fn a_backup_truncated_at_any_length_is_refused() {
    let folder = TestFolder::new();
    let packed = folder.pack();
    // The last kilobyte marks the end of a tar archive; up to 512 bytes before it are padding.
    for length in (0..packed.len() - 1024 - 512).step_by(256) {
        let error = folder.unpack(&packed[..length]).unwrap_err();
        assert!(error.contains("truncated") || error.contains("not a Novantra backup"), "{length}: {error}");
    }
}

#[test]
fn a_backup_with_one_changed_byte_is_refused() {
    let folder = TestFolder::new();
    let packed = folder.pack();
    for content in [b"\x07\x07\x07".as_slice(), b"a report", b"2026-11-22"] {
        let mut changed = packed.clone();
        let at = changed.windows(content.len()).position(|window| window == content).unwrap();
        changed[at] ^= 1;
        assert!(folder.unpack(&changed).unwrap_err().contains("damaged"));
    }
}

#[test]
fn entries_outside_the_folder_special_files_and_unknown_names_are_refused() {
    let folder = TestFolder::new();
    let manifest = serde_json::to_vec(&manifest()).unwrap();
    let with = |name: &str, kind| {
        folder.unpack(&tar_of(&[(MANIFEST, EntryType::Regular, &manifest), (name, kind, b"")])).unwrap_err()
    };
    for name in ["attachments/../../escaped", "../escaped", "/etc/escaped", "attachments/./x/../../../escaped"] {
        let error = with(name, EntryType::Regular);
        assert!(error.contains("leads out of its folder"), "{name}: {error}");
    }
    assert!(!folder.path("escaped").exists());
    for kind in [EntryType::Symlink, EntryType::Link, EntryType::Fifo, EntryType::Directory] {
        assert!(with("attachments/x", kind).contains("not a regular file"), "{kind:?}");
    }
    assert!(with("novantra.cfg", EntryType::Regular).contains("unknown to this program"));
}

#[test]
fn another_format_version_and_files_that_are_not_backups_are_refused() {
    let folder = TestFolder::new();
    let with_manifest =
        |manifest: &[u8]| folder.unpack(&tar_of(&[(MANIFEST, EntryType::Regular, manifest)])).unwrap_err();
    assert_eq!(with_manifest(br#"{"format":2,"shards":[]}"#), "the backup has format 2, but this program reads 1");
    let not_a_tar = folder.unpack(&[b'x'; 4096]).unwrap_err();
    let empty = folder.unpack(b"").unwrap_err();
    for error in [with_manifest(b"{}"), with_manifest(b"PK"), not_a_tar, empty] {
        assert!(error.contains("not a Novantra backup"), "{error}");
    }
    let without_manifest = tar_of(&[(DATABASE, EntryType::Regular, b"")]);
    assert!(folder.unpack(&without_manifest).unwrap_err().contains("not a Novantra backup"));
}
