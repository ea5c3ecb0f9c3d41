//! The settings reference, generated from the table of settings.

use std::fmt::Write;

use crate::settings::TABLE;

const HEAD: &str = "\
# Settings

Generated from `crates/server/src/settings/table.rs` by `novantra settings`; edit that file.

Flags override environment variables, which override the file, which overrides the defaults. The file is `--config FILE`
(or `NOVANTRA_CONFIG`), otherwise `novantra.toml` in the current folder, if it exists. A table's name is a prefix of the
names in it, so `[audit]` with `reads = \"buffered\"` sets `audit_reads`. Unknown names in the file and unknown
`NOVANTRA_…` variables are errors.

If a setting can have several values, repeat its flag, separate the values by commas, or use an array in the file.

Durations are written `60s`, `15m`, `24h`, `7d`. The value of a setting marked *secret* can be read from a file: append
`_FILE` to the variable (`-file` to the flag, `_file` to the name) and give the path of the file.

| name in `novantra.toml` | variable | flag | value | default | what it does |
|---|---|---|---|---|---|
";

/// Generates the document in Markdown.
pub(crate) fn reference() -> String {
    let mut text = HEAD.to_owned();
    for setting in TABLE {
        let flag = match setting.availability.commands() {
            [] => format!("`--{}`", setting.flag()),
            commands => commands
                .iter()
                .map(|command| format!("`{command} --{}`", setting.flag()))
                .collect::<Vec<_>>()
                .join(", "),
        };
        let default = setting.default.map_or_else(String::new, |default| format!("`{default}`"));
        let secret = if setting.secret { " *Secret.*" } else { "" };
        let several = if setting.list { " *May have several values.*" } else { "" };
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
