//! The instructions of a container file, and the rules for those of this project.

/// An instruction, with its continuation lines joined.
#[derive(Debug, PartialEq)]
pub(super) struct Instruction<'a> {
    /// The line on which it begins, from 1.
    line: usize,
    pub(super) name: &'a str,
    arguments: String,
}

/// The facts about the repository that the rules compare with.
pub(super) struct Repository<'a> {
    /// Whether a path exists, relative to the root folder.
    pub(super) has: fn(&str) -> bool,
    /// The reference of all settings.
    pub(super) settings: &'a str,
    /// The version of Rust that the project builds with.
    pub(super) rust: &'a str,
}

/// Parses the instructions.
pub(super) fn parse(text: &str) -> Vec<Instruction<'_>> {
    let mut instructions: Vec<Instruction<'_>> = Vec::new();
    let mut continues = false;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
    for (index, line) in lines {
        let part = line.trim().trim_end_matches('\\').trim_end();
        match instructions.last_mut().filter(|_| continues) {
            Some(instruction) => {
                instruction.arguments.push(' ');
                instruction.arguments.push_str(part);
            }
            None => {
                let (name, arguments) = part.split_once(' ').unwrap_or((part, ""));
                instructions.push(Instruction { line: index + 1, name, arguments: arguments.to_owned() });
            }
        }
        continues = line.trim_end().ends_with('\\');
    }
    instructions
}

impl Instruction<'_> {
    /// The words of its arguments that are not flags such as `--chown=…`.
    fn words(&self) -> impl Iterator<Item = &str> {
        self.arguments.split_whitespace().filter(|word| !word.starts_with("--"))
    }

    /// The words of a command in the form that needs no shell, `["program", "argument"]`.
    pub(super) fn command(&self) -> Option<Vec<&str>> {
        let start = self.arguments.find('[')?;
        let list = self.arguments[start + 1..].strip_suffix(']')?;
        list.split(',').map(|word| word.trim().strip_prefix('"')?.strip_suffix('"')).collect()
    }

    /// The files and folders of the repository that it copies.
    pub(super) fn copied_from_repository(&self) -> Vec<&str> {
        if self.name != "COPY" || self.arguments.contains("--from=") {
            return Vec::new();
        }
        let mut words: Vec<&str> = self.words().collect();
        words.pop();
        words
    }
}

/// The images that the stages begin with, except earlier stages.
pub(super) fn base_images(instructions: &[Instruction<'_>]) -> Vec<String> {
    let defaults: Vec<(&str, &str)> = instructions
        .iter()
        .filter(|instruction| instruction.name == "ARG")
        .filter_map(|instruction| instruction.arguments.split_once('='))
        .collect();
    let mut stages: Vec<&str> = Vec::new();
    let mut images = Vec::new();
    for instruction in instructions.iter().filter(|instruction| instruction.name == "FROM") {
        let mut words = instruction.words();
        let image = words.next().unwrap_or_default();
        if !stages.contains(&image) {
            let resolve = |text: String, (name, value): &(&str, &str)| text.replace(&format!("${{{name}}}"), value);
            images.push(defaults.iter().fold(image.to_owned(), resolve));
        }
        stages.extend(words.nth(1));
    }
    images
}

/// The instructions of the last stage, which becomes the image.
pub(super) fn last_stage<'a>(instructions: &'a [Instruction<'a>]) -> &'a [Instruction<'a>] {
    let start = instructions.iter().rposition(|instruction| instruction.name == "FROM").unwrap_or_default();
    &instructions[start..]
}

/// Returns what breaks the rules: the image has no shell, another user than root, a health check, the program and only
/// valid settings, and is built from files that exist, with the project's version of Rust.
pub(super) fn faults(instructions: &[Instruction<'_>], program: &str, repository: &Repository<'_>) -> Vec<String> {
    let mut faults = Vec::new();
    let mut fault = |instruction: &Instruction<'_>, message: &str| {
        faults.push(format!("line {}: {} {message}", instruction.line, instruction.name));
    };
    for instruction in instructions {
        for path in instruction.copied_from_repository().into_iter().filter(|path| !(repository.has)(path)) {
            fault(instruction, &format!("copies {path}, which does not exist"));
        }
        if instruction.arguments.strip_prefix("RUST_VERSION=").is_some_and(|version| version != repository.rust) {
            fault(instruction, &format!("is not {}, the version in rust-toolchain.toml", repository.rust));
        }
    }
    let image = last_stage(instructions);
    for instruction in image {
        match instruction.name {
            "RUN" => fault(instruction, "needs a shell, which the image does not have"),
            "ENTRYPOINT" | "CMD" | "HEALTHCHECK" if instruction.command().is_none() => {
                fault(instruction, "needs a shell: write its command as a list");
            }
            "ENTRYPOINT" | "HEALTHCHECK" if instruction.command().is_some_and(|command| command[0] != program) => {
                fault(instruction, &format!("does not run {program}"));
            }
            "USER" if instruction.arguments.split(':').any(|id| id.parse::<u32>().ok().is_none_or(|id| id == 0)) => {
                fault(instruction, "must be numbers other than 0, so that Kubernetes can tell that it is not root");
            }
            "ENV" => {
                let names = instruction.words().filter_map(|word| word.split_once('=')).map(|(name, _)| name);
                for name in names.filter(|name| !repository.settings.contains(&format!("`{name}`"))) {
                    fault(instruction, &format!("sets {name}, which is not a setting"));
                }
            }
            _ => {}
        }
    }
    for name in ["USER", "HEALTHCHECK", "ENTRYPOINT", "VOLUME"] {
        if image.iter().all(|instruction| instruction.name != name) {
            faults.push(format!("the last stage has no {name}"));
        }
    }
    let copies_program =
        |instruction: &Instruction<'_>| instruction.name == "COPY" && instruction.words().last() == Some(program);
    if !image.iter().any(copies_program) {
        faults.push(format!("the last stage does not copy {program}"));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPOSITORY: Repository<'_> =
        Repository { has: |path| path == "crates", settings: "| `NOVANTRA_LISTEN` |", rust: "1.95.0" };
    const SOUND: &str = "ARG RUST_VERSION=1.95.0\n# A comment.\nFROM rust AS build\nCOPY crates crates\nRUN cargo \\\n  build\n\
        FROM base\nCOPY --from=build /out/p /bin/p\nENV NOVANTRA_LISTEN=1\nUSER 7:7\nVOLUME /v\n\
        HEALTHCHECK --timeout=6s CMD [\"/bin/p\", \"probe\"]\nENTRYPOINT [\"/bin/p\"]\n";

    fn faults_of(text: &str) -> Vec<String> {
        faults(&parse(text), "/bin/p", &REPOSITORY)
    }

    #[test]
    fn continued_lines_are_one_instruction() {
        let instructions = parse(SOUND);
        assert_eq!(instructions[3], Instruction { line: 5, name: "RUN", arguments: "cargo build".to_owned() });
        assert_eq!(instructions[9].command(), Some(vec!["/bin/p", "probe"]));
    }

    #[test]
    fn base_images_are_named_with_their_arguments_and_without_stages() {
        let text = "ARG V=1.95\nFROM rust:${V}-slim AS build\nFROM build AS test\nFROM base\n";
        assert_eq!(base_images(&parse(text)), ["rust:1.95-slim", "base"]);
    }

    #[test]
    fn each_broken_rule_of_the_image_is_reported() {
        assert_eq!(faults_of(SOUND), Vec::<String>::new());
        for (sound, broken, fault) in [
            ("1.95.0", "1.94.0", "line 1: ARG is not 1.95.0"),
            ("COPY crates", "COPY crate", "line 4: COPY copies crate"),
            ("USER 7:7", "USER 0:7", "line 10: USER must be numbers"),
            ("USER 7:7", "USER nonroot", "line 10: USER must be numbers"),
            ("USER 7:7\n", "", "the last stage has no USER"),
            ("VOLUME /v", "RUN true", "line 11: RUN needs a shell"),
            ("[\"/bin/p\", \"probe\"]", "curl localhost", "line 12: HEALTHCHECK needs a shell"),
            ("[\"/bin/p\", \"probe\"]", "[\"curl\"]", "line 12: HEALTHCHECK does not run /bin/p"),
            ("NOVANTRA_LISTEN", "NOVANTRA_PORT", "line 9: ENV sets NOVANTRA_PORT"),
            ("/out/p /bin/p", "/out/p /bin/q", "the last stage does not copy /bin/p"),
        ] {
            let found = faults_of(&SOUND.replace(sound, broken));
            assert!(found.iter().any(|found| found.starts_with(fault)), "{broken}: {found:?}");
        }
    }
}
