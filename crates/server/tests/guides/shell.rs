//! Execution of the blocks of a guide as one script.

use std::{
    collections::BTreeMap,
    fs,
    process::{Command, Stdio},
};

use crate::{
    document::Guide,
    guide_server::{GuideServer, remove_settings},
};

/// The character that is printed before the output of each block, followed by the line of the block.
const MARK: char = '\u{1e}';

/// The timeout in seconds, longer than any guide takes; a snippet that exceeds it is broken.
const TIMEOUT_SECONDS: &str = "180";

/// The output of the blocks, by the line of the block.
pub(crate) struct Printed(BTreeMap<usize, String>);

impl Printed {
    pub(crate) fn output_of(&self, line: usize) -> &str {
        self.0.get(&line).map_or("", String::as_str)
    }

    fn parse(output: &str) -> Self {
        let blocks = output.split(MARK).skip(1).filter_map(|block| {
            let (line, text) = block.split_once('\n')?;
            Some((line.parse().ok()?, text.to_owned()))
        });
        Self(blocks.collect())
    }
}

/// Runs the guide like a reader who pastes block after block; stops at the first command that fails.
pub(crate) fn run(guide: &Guide, server: &GuideServer) -> Result<Printed, String> {
    if !Command::new("python3").arg("--version").stdout(Stdio::null()).status().is_ok_and(|status| status.success()) {
        return Err("the guides read JSON with python3, which is not installed here".to_owned());
    }
    // The file is named after the guide, because bash prints the name and line in its messages.
    let name = guide.path.replace('/', "-");
    let file = server.folder().join(&name);
    fs::write(&file, script(guide)).map_err(|error| format!("{}: {error}", file.display()))?;
    let run = remove_settings(&mut Command::new("timeout"))
        .args([TIMEOUT_SECONDS, "bash", "-c", "exec bash -Eeuo pipefail \"$0\" 2>&1", &name])
        .current_dir(server.folder())
        .envs(server.environment())
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("bash can't be started: {error}"))?;
    let output = String::from_utf8_lossy(&run.stdout).into_owned();
    let printed = Printed::parse(&output);
    if run.status.success() {
        return Ok(printed);
    }
    let line = printed.0.keys().last().copied().unwrap_or_default();
    let outcome = if run.status.code() == Some(124) {
        format!("did not end within {TIMEOUT_SECONDS} s")
    } else {
        "failed".to_owned()
    };
    Err(format!(
        "{}:{line}: the block that begins here {outcome}. It printed:\n{}",
        guide.path,
        printed.output_of(line)
    ))
}

/// The blocks as one script, with each command on the same line as in the guide.
fn script(guide: &Guide) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut set_line = |number: usize, line: String| {
        lines.resize(lines.len().max(number), String::new());
        lines[number - 1] = line;
    };
    for block in guide.scripts() {
        // This line replaces the fence. `MARK` is octal 36.
        set_line(block.line, format!("printf '\\036%s\\n' {}", block.line));
        for (index, line) in block.text.iter().enumerate() {
            set_line(block.line + 1 + index, line.clone());
        }
    }
    lines.join("\n") + "\n"
}

#[test]
fn commands_keep_their_line_numbers_and_their_outputs_are_separated() {
    let guide = Guide::parse("a.md", "# A\n\n```sh\necho one\n```\n\n```sh\necho two\n```\n", None).unwrap();
    assert_eq!(script(&guide), "\n\nprintf '\\036%s\\n' 3\necho one\n\n\nprintf '\\036%s\\n' 7\necho two\n");
    let printed = Printed::parse("\u{1e}3\none\n\u{1e}7\ntwo\n");
    assert_eq!((printed.output_of(3), printed.output_of(7), printed.output_of(9)), ("one\n", "two\n", ""));
}
