//! A wrong system clock for one process.

/// The environment variables of a program whose system clock is ahead by this number of seconds, by means of
/// libfaketime.
pub(crate) fn clock_ahead(seconds: i64) -> [(String, String); 3] {
    let library = std::env::var("NOVANTRA_TEST_FAKETIME").expect(
        "NOVANTRA_TEST_FAKETIME is not set: run the tests with `cargo xtask test`, which finds or installs libfaketime, or \
         set it to the path of libfaketime.so.1",
    );
    let set = |name: &str, value: String| (name.to_owned(), value);
    [
        set("LD_PRELOAD", library),
        set("FAKETIME", format!("{seconds:+}")),
        // The monotonic clock is correct even on a machine whose system clock is wrong.
        set("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
    ]
}
