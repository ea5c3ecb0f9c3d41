//! Names under which files of others are written to a folder.

use std::collections::HashSet;

use evidence::{AttachedFile, FileName};
use kernel::{is_allowed_in_line, is_invisible};

use crate::settings::SETTINGS_FILE;

/// Maximum length of a name in bytes, which file systems have.
const MAX_BYTES: usize = 255;

/// Maximum length of an extension that is kept if a name is shortened.
const MAX_EXTENSION_BYTES: usize = 16;

/// Returns a name for each file, by the name that it was uploaded with. Files with the same name, also in another case, get
/// the identifiers of their attachments before it.
pub(super) fn unique_file_names<'f>(files: impl Iterator<Item = &'f AttachedFile>) -> Vec<String> {
    let mut used = HashSet::new();
    files
        .map(|file| {
            let name = safe_file_name(file.file_name.as_str()).unwrap_or_else(|| file.id.to_string());
            if used.insert(name.to_lowercase()) {
                return name;
            }
            let name = shortened(&format!("{}-{name}", file.id));
            used.insert(name.to_lowercase());
            name
        })
        .collect()
}

/// Returns the name without what would make it hidden, an option of a command, a device, a path or another name than it
/// looks like; `None` if nothing is left.
fn safe_file_name(name: &str) -> Option<String> {
    let is_kept = |character: char| {
        is_allowed_in_line(character) && !is_invisible(character) && !"/\\<>:\"|?*".contains(character)
    };
    let kept: String = name.chars().map(|character| if is_kept(character) { character } else { '_' }).collect();
    let mut kept = shortened(kept.trim().trim_end_matches(['.', ' ']));
    if kept.starts_with(['.', '-', '~']) {
        kept.replace_range(..1, "_");
    }
    // A command reads this file in the folder that it is run in.
    if kept.eq_ignore_ascii_case(SETTINGS_FILE) {
        kept.insert(0, '_');
    }
    if !kept.is_empty() && FileName::parse(&kept).is_err() {
        kept = shortened(&format!("_{kept}"));
    }
    FileName::parse(&kept).is_ok().then_some(kept)
}

/// Returns the name with its stem shortened, if it is too long.
fn shortened(name: &str) -> String {
    if name.len() <= MAX_BYTES {
        return name.to_owned();
    }
    let (stem, extension) = match name.rsplit_once('.') {
        Some((stem, extension)) if extension.len() <= MAX_EXTENSION_BYTES => (stem, format!(".{extension}")),
        _ => (name, String::new()),
    };
    let mut end = (MAX_BYTES - extension.len()).min(stem.len());
    while !stem.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{extension}", stem[..end].trim_end_matches(['.', ' ']))
}

#[cfg(test)]
mod tests {
    use evidence::{ContentType, Sha256};
    use kernel::{Id, Timestamp, Ulid};

    use super::*;

    fn file(number: u128, name: &str) -> AttachedFile {
        AttachedFile {
            id: Id::new(Ulid(number)),
            file_name: FileName::trusted(name),
            content_type: ContentType::parse("text/csv").unwrap(),
            size: 3,
            sha256: Sha256::trusted(&"0".repeat(64)),
            created_at: Timestamp::MIN,
        }
    }

    #[test]
    fn a_name_is_kept_unless_it_is_dangerous() {
        for name in ["report.csv", "Prüfbericht 2026 (final).PDF", "a-b_c.tar.gz", "报告.txt"] {
            assert_eq!(safe_file_name(name).as_deref(), Some(name));
        }
        for (name, safe) in [
            ("../../etc/passwd", "_._.._etc_passwd"),
            ("/etc/passwd", "_etc_passwd"),
            ("..\\win.ini", "_._win.ini"),
            (".bashrc", "_bashrc"),
            ("-rf", "_rf"),
            ("~root", "_root"),
            ("con.txt", "_con.txt"),
            ("novantra.toml", "_novantra.toml"),
            ("Novantra.TOML. ", "_Novantra.TOML"),
            ("a.txt:evil", "a.txt_evil"),
            ("a<b>|?*\".txt", "a_b_____.txt"),
            ("a\nb\u{7}.txt", "a_b_.txt"),
            ("gpj\u{202e}.exe", "gpj_.exe"),
            ("a\u{200b}b\u{e0041}.txt", "a_b_.txt"),
            (" report.csv. . ", "report.csv"),
        ] {
            assert_eq!(safe_file_name(name).as_deref(), Some(safe), "{name:?}");
        }
        for name in ["", ".", "..", "  ", ". . ."] {
            assert_eq!(safe_file_name(name), None, "{name:?}");
        }
    }

    #[test]
    fn a_long_name_is_shortened_before_its_extension() {
        let name = safe_file_name(&format!("{}.csv", "ä".repeat(251))).unwrap();
        assert!(name.len() <= MAX_BYTES && name.len() > 250 && name.ends_with("ä.csv"), "{name}");
        assert_eq!(safe_file_name(&"x".repeat(300)).unwrap().len(), MAX_BYTES);
    }

    #[test]
    fn files_with_the_same_name_are_distinguished_by_their_identifiers() {
        let files = [file(1, "a.csv"), file(2, "A.CSV"), file(3, "."), file(4, "b.csv")];
        let names = unique_file_names(files.iter());
        let id = |number| Id::<AttachedFile>::new(Ulid(number));
        assert_eq!(names, ["a.csv".to_owned(), format!("{}-A.CSV", id(2)), id(3).to_string(), "b.csv".to_owned()]);
    }
}
