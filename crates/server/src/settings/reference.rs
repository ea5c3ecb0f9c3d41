//! The settings reference, generated so that it can't fall behind.

use std::fmt::Write;

use crate::settings::{Reach, TABLE};

const HEAD: &str = "\
# Settings

Generated from `crates/server/src/settings/table.rs` by `novantra settings`; edit there.

A flag goes before the environment, the environment before the file, the file before the default. The file is
`--config FILE` (or `NOVANTRA_CONFIG`), else `novantra.toml` in the current folder if it is there; a table's name and the
name in it are one name, so `[audit]` with `reads = \"buffered\"` sets `audit_reads`. What is no setting is an error, in the
file and among the `NOVANTRA_…` variables alike.

Where a setting can have several values, repeat its flag, put commas between them, or use an array in the file.

Durations are written `60s`, `15m`, `24h`, `7d`. A setting marked *secret* can be given as a file that holds it: put
`_FILE` behind the variable (`-file` behind the flag, `_file` behind the name) and the file's path in its place.

| name in `novantra.toml` | variable | flag | value | default | what it does |
|---|---|---|---|---|---|
";

/// The document, in Markdown.
pub(crate) fn reference() -> String {
    let mut text = HEAD.to_owned();
    for setting in TABLE {
        let flag = match setting.reach {
            Reach::Everywhere => format!("`--{}`", setting.flag()),
            Reach::Serve => format!("`serve --{}`", setting.flag()),
        };
        let default = setting.default.map_or_else(String::new, |default| format!("`{default}`"));
        let secret = if setting.secret { " *Secret.*" } else { "" };
        let several = if setting.list { " *May be several.*" } else { "" };
        let unit = setting.unit.replace('|', " \\| ");
        // Writing to a String can't fail.
        let _ = writeln!(
            text,
            "| `{}` | `{}` | {flag} | {unit} | {default} | {}{secret}{several} |",
            setting.name,
            setting.variable(),
            setting.help,
        );
    }
    text
}
