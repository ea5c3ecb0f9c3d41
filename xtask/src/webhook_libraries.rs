//! The published Standard Webhooks libraries, with which the guides verify webhooks: downloaded once, so that the
//! guides install them without a network.

use std::{fs, path::PathBuf, process::Command};

use crate::{
    Outcome, debian,
    process::{run, succeeds},
    python, root,
};

const PYTHON: &str = "standardwebhooks==1.1.0";

/// The library and a runner for TypeScript, in the versions that `docs/webhooks.md` uses.
const NODE: [&str; 2] = ["standardwebhooks@1.1.1", "tsx@4.23.15"];

const MISSING: &str = "\
the webhook guides require python3 with venv, and Node.js with npm. To install them:
  sudo apt-get install --yes python3-venv npm";

/// The folder of the downloaded packages.
pub(crate) struct Libraries {
    folder: PathBuf,
}

impl Libraries {
    /// Downloads the packages if that has not been done yet.
    pub(crate) fn download() -> Outcome<Self> {
        let libraries = Self { folder: root().join("target/webhook-libraries") };
        let marker = libraries.folder.join("fetched");
        let wanted = format!("{PYTHON} {}", NODE.join(" "));
        if fs::read_to_string(&marker).is_ok_and(|found| found == wanted) {
            return Ok(libraries);
        }
        install_tools()?;
        let scratch = libraries.folder.join("scratch");
        fs::create_dir_all(&scratch).map_err(|error| format!("{}: {error}", scratch.display()))?;
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", PYTHON, "--dest"]);
        run(pip.arg(libraries.wheels()))?;
        let mut npm = Command::new("npm");
        npm.args(["install", "--silent", "--no-audit", "--no-fund", "--no-save"]).args(NODE);
        run(npm.current_dir(&scratch).env("npm_config_cache", libraries.npm_cache()))?;
        fs::write(&marker, wanted).map_err(|error| format!("{}: {error}", marker.display()))?;
        Ok(libraries)
    }

    /// Makes pip and npm, as the guides call them, install the packages only from here.
    pub(crate) fn configure<'a>(&self, tests: &'a mut Command) -> &'a mut Command {
        tests
            .env("PIP_NO_INDEX", "1")
            .env("PIP_FIND_LINKS", self.wheels())
            .env("npm_config_cache", self.npm_cache())
            .env("npm_config_offline", "true")
    }

    fn wheels(&self) -> PathBuf {
        self.folder.join("wheels")
    }

    fn npm_cache(&self) -> PathBuf {
        self.folder.join("npm-cache")
    }
}

fn install_tools() -> Outcome {
    python::install_pip()?;
    // Debian's own Python has venv, but only the package has ensurepip, which venv needs.
    let venv = || python::has_module("venv") && succeeds(Command::new("python3").args(["-c", "import ensurepip"]));
    for (package, is_installed) in
        [("python3-venv", &venv as &dyn Fn() -> bool), ("npm", &|| succeeds(Command::new("npm").arg("--version")))]
    {
        if !is_installed() {
            debian::install(package)?;
        }
        if !is_installed() {
            return Err(MISSING.to_owned());
        }
    }
    Ok(())
}
