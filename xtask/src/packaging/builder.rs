//! The building of the image and a first run of it, where a program for that works.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use super::INSTALLED_PROGRAM;
use crate::{
    Outcome,
    process::{run, succeeds},
    root,
};

/// Programs that build images; all but the last also run them.
const BUILDERS: [&str; 3] = ["podman", "docker", "buildah"];

/// The name of the image and of the container of this check.
const NAME: &str = "novantra-packaging-check";

/// Maximum time until the container is ready.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// Builds the image without optimization, and runs it with a read-only root until it is ready. Prints why it does not if
/// no builder works here or the base images can't be had.
pub(super) fn build_and_run(file: &str, base_images: &[String]) -> Outcome {
    let Some(builder) = BUILDERS.into_iter().find(|builder| succeeds(Command::new(builder).arg("info"))) else {
        println!("not built: {file}, because none of {} works on this machine", BUILDERS.join(", "));
        return Ok(());
    };
    if let Some(missing) = base_images.iter().find(|image| !has_image(builder, image)) {
        println!("not built: {file}, because {builder} can't get {missing}");
        return Ok(());
    }
    build(builder, file)?;
    if builder == "buildah" {
        println!("built, but not run: {file}, because buildah starts no containers");
        return Ok(());
    }
    // An interrupted check leaves its container behind.
    remove_container(builder);
    let ready = start(builder).and_then(|()| wait_until_ready(builder));
    if ready.is_err() {
        run(Command::new(builder).args(["logs", NAME]))?;
    }
    remove_container(builder);
    ready.map(|()| println!("checked: the image of {file} was built, and its container became ready"))
}

/// Whether the image is on this machine or can be fetched.
fn has_image(builder: &str, image: &str) -> bool {
    let inspect: &[&str] = if builder == "buildah" { &["inspect", "--type", "image"] } else { &["image", "inspect"] };
    succeeds(Command::new(builder).args(inspect).arg(image)) || succeeds(Command::new(builder).args(["pull", image]))
}

fn build(builder: &str, file: &str) -> Outcome {
    let mut build = Command::new(builder);
    build.args(["build", "--file", file, "--tag", NAME, "--build-arg", "PROFILE=dev"]);
    if builder != "docker" {
        // The other format has no health check.
        build.args(["--format", "docker"]);
    }
    run(build.arg(".").current_dir(root()))
}

fn start(builder: &str) -> Outcome {
    let flags = ["--detach", "--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--name", NAME];
    run(Command::new(builder).arg("run").args(flags).arg(NAME))
}

/// Repeats the health check of the image until it succeeds. Each takes a while, since it starts a process in the container.
fn wait_until_ready(builder: &str) -> Outcome {
    let started = Instant::now();
    while !succeeds(Command::new(builder).args(["exec", NAME, INSTALLED_PROGRAM, "probe"])) {
        if started.elapsed() > START_TIMEOUT {
            return Err(format!("the container did not become ready within {} s", START_TIMEOUT.as_secs()));
        }
    }
    Ok(())
}

fn remove_container(builder: &str) {
    succeeds(Command::new(builder).args(["rm", "--force", "--volumes", NAME]));
}
