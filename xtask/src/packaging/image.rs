//! The container image, whose steps are checked before it is built.

use std::{path::Path, process::Command};

use super::{
    INSTALLED_PROGRAM, builder,
    containerfile::{self, Instruction, Repository},
    program, read, scratch_folder,
};
use crate::{
    Outcome,
    process::{cargo, output},
    root,
};

const CONTAINERFILE: &str = "docs/deploy/Containerfile";

/// The shared libraries of the base image.
const LIBRARIES: [&str; 8] =
    ["linux-vdso.", "ld-linux", "libc.", "libm.", "libgcc_s.", "libdl.", "libpthread.", "librt."];

pub(super) fn check() -> Outcome {
    let text = read(CONTAINERFILE)?;
    let instructions = containerfile::parse(&text);
    check_instructions(&instructions)?;
    check_sources(&instructions)?;
    check_commands(&instructions)?;
    check_libraries()?;
    println!("checked: the instructions, sources, commands and shared libraries of {CONTAINERFILE}");
    builder::build_and_run(CONTAINERFILE, &containerfile::base_images(&instructions))
}

fn check_instructions(instructions: &[Instruction<'_>]) -> Outcome {
    let toolchain: toml::Table =
        read("rust-toolchain.toml")?.parse().map_err(|error| format!("rust-toolchain.toml: {error}"))?;
    let rust = toolchain["toolchain"]["channel"].as_str().unwrap_or_default();
    let settings = read("docs/settings.md")?;
    let repository = Repository { has: |path| root().join(path).exists(), settings: &settings, rust };
    let faults = containerfile::faults(instructions, INSTALLED_PROGRAM, &repository);
    if faults.is_empty() { Ok(()) } else { Err(format!("{CONTAINERFILE}: {}", faults.join("; "))) }
}

/// Checks that Cargo finds a whole workspace, locked as it is, in the files that are copied for the build.
fn check_sources(instructions: &[Instruction<'_>]) -> Outcome {
    let folder = scratch_folder("context")?;
    let (last_stage, all) = (containerfile::last_stage(instructions).len(), instructions.len());
    for path in instructions[..all - last_stage].iter().flat_map(Instruction::copied_from_repository) {
        link(&root().join(path), &folder.join(path))?;
    }
    let metadata = ["metadata", "--locked", "--offline", "--format-version", "1"];
    output(cargo(metadata).current_dir(&folder)).map(drop)
}

#[cfg(unix)]
fn link(from: &Path, to: &Path) -> Outcome {
    std::os::unix::fs::symlink(from, to).map_err(|error| format!("{}: {error}", to.display()))
}

#[cfg(not(unix))]
fn link(from: &Path, to: &Path) -> Outcome {
    std::fs::copy(from, to).map(drop).map_err(|error| format!("{}: {error}", to.display()))
}

/// Checks that the commands of the image exist.
fn check_commands(instructions: &[Instruction<'_>]) -> Outcome {
    let commands = containerfile::last_stage(instructions)
        .iter()
        .filter(|instruction| matches!(instruction.name, "HEALTHCHECK" | "CMD"))
        .filter_map(Instruction::command);
    for command in commands {
        let arguments = command.into_iter().filter(|word| *word != INSTALLED_PROGRAM);
        output(Command::new(program()?).args(arguments).arg("--help"))?;
    }
    Ok(())
}

/// Checks that the program needs no shared library that the base image lacks.
fn check_libraries() -> Outcome {
    if !cfg!(target_os = "linux") {
        println!("not checked: the shared libraries of the image's program, because this is not Linux");
        return Ok(());
    }
    let libraries = output(Command::new("ldd").arg(program()?))?;
    let libraries = String::from_utf8_lossy(&libraries).into_owned();
    let names = libraries.lines().filter_map(|line| line.split_whitespace().next()?.rsplit('/').next());
    let missing: Vec<&str> = names.filter(|name| !LIBRARIES.iter().any(|library| name.starts_with(library))).collect();
    if missing.is_empty() { Ok(()) } else { Err(format!("the base image has no {}", missing.join(", "))) }
}
