//! The building of the image and a first run of it, where a program for that works.

use std::{
    fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use super::{INSTALLED_PROGRAM, scratch_folder};
use crate::{
    Outcome,
    process::{run, succeeds},
    root,
};

/// Programs that build images; all but the last also run them.
const BUILDERS: [&str; 3] = ["podman", "docker", "buildah"];

/// The name of the image, of the container and of the volume of this check.
const NAME: &str = "novantra-packaging-check";

/// The master key in the container.
const MASTER_KEY: &str = "/run/secrets/novantra-master-key";

/// Maximum time until the container is ready.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// Builds the image without optimization, creates an installation with a provided master key, and runs its server with a
/// read-only root until it is ready. Prints why it does not if
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
    let key = scratch_folder("key")?.join("master.key");
    // Any user of the machine can read it, since the container's user is not this one.
    fs::write(&key, format!("{}=\n", "Q".repeat(43))).map_err(|error| format!("{}: {error}", key.display()))?;
    create_installation(builder, &key)?;
    let ready = start(builder, &key).and_then(|()| wait_until_ready(builder));
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

fn create_installation(builder: &str, key: &Path) -> Outcome {
    run(Command::new(builder).args(["run", "--rm"]).args(data(key)).args([NAME, "installation", "create"]))
}

fn start(builder: &str, key: &Path) -> Outcome {
    let flags = ["--detach", "--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--name", NAME];
    run(Command::new(builder).arg("run").args(flags).args(data(key)).arg(NAME))
}

/// The arguments that give a container the master key and the volume.
fn data(key: &Path) -> [String; 3] {
    [
        format!("--env=NOVANTRA_MASTER_KEY_FILE={MASTER_KEY}"),
        format!("--volume={}:{MASTER_KEY}:ro", key.display()),
        format!("--volume={NAME}:/var/lib/novantra"),
    ]
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

/// Removes the container and its volume.
fn remove_container(builder: &str) {
    succeeds(Command::new(builder).args(["rm", "--force", "--volumes", NAME]));
    succeeds(Command::new(builder).args(["volume", "rm", "--force", NAME]));
}
