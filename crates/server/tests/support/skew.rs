//! A system clock that is off, for one process.

/// The environment of a program whose system clock is to be so many seconds ahead, by libfaketime.
pub(crate) fn clock_ahead(seconds: i64) -> [(String, String); 3] {
    let library = std::env::var("NOVANTRA_TEST_FAKETIME").expect(
        "NOVANTRA_TEST_FAKETIME is not set: run the tests by `cargo xtask test`, which finds or installs libfaketime; by \
         hand, it is the path of libfaketime.so.1",
    );
    let set = |name: &str, value: String| (name.to_owned(), value);
    [
        set("LD_PRELOAD", library),
        set("FAKETIME", format!("{seconds:+}")),
        // What a process measures by its monotonic clock is right on a machine whose clock is set wrong, too.
        set("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
    ]
}
