//! A wrong system clock for one process.

use std::path::Path;

/// The environment variables of a program whose system clock is ahead by this number of seconds, by means of
/// libfaketime.
pub(crate) fn clock_ahead(seconds: i64) -> [(String, String); 3] {
    let set = |name: &str, value: String| (name.to_owned(), value);
    [
        set("LD_PRELOAD", library()),
        set("FAKETIME", format!("{seconds:+}")),
        // The monotonic clock is correct even on a machine whose system clock is wrong.
        set("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
    ]
}

/// The environment variables of a program whose system clock is ahead by the number of seconds in this file.
pub(crate) fn clock_of_file(file: &Path) -> [(String, String); 4] {
    let set = |name: &str, value: String| (name.to_owned(), value);
    [
        set("LD_PRELOAD", library()),
        set("FAKETIME_TIMESTAMP_FILE", file.display().to_string()),
        set("FAKETIME_NO_CACHE", "1".to_owned()),
        set("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
    ]
}

/// Sets the clock of the programs that read this file ahead by this number of seconds.
pub(crate) fn set_clock(file: &Path, seconds: i64) {
    // Replaced by a rename, so that no program reads a part of it.
    let draft = file.with_extension("draft");
    std::fs::write(&draft, format!("{seconds:+}\n")).expect("the clock's file");
    std::fs::rename(&draft, file).expect("the clock's file");
}

fn library() -> String {
    std::env::var("NOVANTRA_TEST_FAKETIME").expect(
        "NOVANTRA_TEST_FAKETIME is not set: run the tests with `cargo xtask test`, which finds or installs libfaketime, or \
         set it to the path of libfaketime.so.1",
    )
}
