//! The Python models of OSCAL with which the tests check exported files: compliance-trestle's, which are generated from
//! the schemas of NIST. Downloaded once.

use std::{fs, path::PathBuf, process::Command};

use crate::{Outcome, process::run, python, root};

/// The package and what its models import, without the rest of its dependencies.
const PACKAGES: [&str; 11] = [
    "compliance-trestle==5.2.0",
    "annotated-types==0.8.0",
    "email-validator==2.4.0",
    "idna==3.20",
    "orjson==3.13.0",
    "pydantic==2.14.4",
    "pydantic-core==2.50.5",
    "rfc8785==0.1.4",
    "ruamel.yaml==0.19.1",
    "typing-extensions==4.16.0",
    "typing-inspection==0.4.5",
];

/// The environment variable with the folder of the packages, for the tests.
pub(crate) const PATH_VARIABLE: &str = "NOVANTRA_TEST_OSCAL_MODELS";

/// Returns the folder of the packages, which are installed into it if that has not been done yet.
pub(crate) fn find_or_install() -> Outcome<PathBuf> {
    let folder = root().join("target/oscal-models");
    let marker = folder.join("installed");
    let wanted = PACKAGES.join(" ");
    if fs::read_to_string(&marker).is_ok_and(|found| found == wanted) {
        return Ok(folder);
    }
    python::install()?;
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--target"]);
    run(pip.arg(&folder).args(PACKAGES))?;
    fs::write(&marker, wanted).map_err(|error| format!("{}: {error}", marker.display()))?;
    Ok(folder)
}
