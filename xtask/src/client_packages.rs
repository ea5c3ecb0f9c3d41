//! The published packages with which tests use the API as an integrator does: libraries for webhooks, generators of
//! clients, Schemathesis, an OpenID Connect provider, and axe-core, which checks the pages of the web app. They are
//! downloaded once, so that the guides install them without a network.

use std::{fs, path::PathBuf, process::Command};

use crate::{
    Outcome, debian,
    process::{run, succeeds},
    python, root,
};

/// The Python packages, in the versions that the guides use. The versions that Schemathesis makes its requests with are
/// fixed as well: with others, the same seed makes other requests.
const PYTHON: [&str; 5] =
    ["standardwebhooks==1.1.0", "openapi-python-client==0.29.1", "mypy==2.4.1", SCHEMATHESIS[0], SCHEMATHESIS[1]];

const SCHEMATHESIS: [&str; 2] = ["schemathesis==4.32.5", "hypothesis==6.170.17"];

/// The packages for TypeScript, in the versions that the guides use.
const NODE: [&str; 7] = [
    "standardwebhooks@1.1.1",
    "tsx@4.23.15",
    "typescript@5.9.3",
    "@types/node@20.19.0",
    "openapi-typescript@7.13.0",
    "openapi-fetch@0.17.0",
    "axe-core@4.14.1",
];

/// The OpenID Connect provider that people sign in by in tests.
const OPENID_PROVIDER: &str = "oidc-provider@9.13.3";

const MISSING: &str = "\
the guides require Node.js with npm. To install them:
  sudo apt-get install --yes npm";

/// The environment variable with the path of Schemathesis.
const SCHEMATHESIS_VARIABLE: &str = "NOVANTRA_TEST_SCHEMATHESIS";

/// The environment variable with the path of axe-core.
const AXE_VARIABLE: &str = "NOVANTRA_TEST_AXE";

const BROWSER_MISSING: &str = "\
the tests of the web app require Chromium. To install it:
  sudo apt-get install --yes chromium chromium-driver";
/// The environment variable with the folder in which the OpenID Connect provider is installed.
const OPENID_PROVIDER_VARIABLE: &str = "NOVANTRA_TEST_OPENID_PROVIDER";

/// The folder of the downloaded packages.
pub(crate) struct ClientPackages {
    folder: PathBuf,
}

impl ClientPackages {
    /// Downloads the packages if that has not been done yet.
    pub(crate) fn download() -> Outcome<Self> {
        install_browser()?;
        let packages = Self { folder: root().join("target/client-packages") };
        let marker = packages.folder.join("fetched");
        let wanted = format!("{} {} {OPENID_PROVIDER}", PYTHON.join(" "), NODE.join(" "));
        if fs::read_to_string(&marker).is_ok_and(|found| found == wanted) {
            return Ok(packages);
        }
        install_tools()?;
        packages.fetch().map_err(|error| {
            format!("the packages of clients can't be fetched from PyPI and npm, and target/ has no copy: {error}")
        })?;
        fs::write(&marker, wanted).map_err(|error| format!("{}: {error}", marker.display()))?;
        Ok(packages)
    }

    fn fetch(&self) -> Outcome {
        let scratch = self.folder.join("scratch");
        fs::create_dir_all(&scratch).map_err(|error| format!("{}: {error}", scratch.display()))?;
        // Only wheels: the guides install them where nothing can be built.
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"]);
        run(pip.args(PYTHON).arg("--dest").arg(self.wheels()))?;
        let mut npm = Command::new("npm");
        npm.args(["install", "--silent", "--no-audit", "--no-fund", "--no-save"]).args(NODE);
        run(npm.current_dir(&scratch).env("npm_config_cache", self.npm_cache()))?;
        let provider = self.openid_provider();
        fs::create_dir_all(&provider).map_err(|error| format!("{}: {error}", provider.display()))?;
        let mut npm = Command::new("npm");
        npm.args(["install", "--silent", "--no-audit", "--no-fund", "--no-save", "--prefix", ".", OPENID_PROVIDER]);
        run(npm.current_dir(&provider).env("npm_config_cache", self.npm_cache()))?;
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(self.environment()))?;
        let mut pip = Command::new(self.environment().join("bin/pip"));
        pip.args(["install", "--quiet", "--disable-pip-version-check", "--no-index", "--find-links"]);
        run(pip.arg(self.wheels()).args(SCHEMATHESIS))
    }

    /// Makes pip and npm, as the guides call them, install the packages only from here, and tells the tests where
    /// Schemathesis and the OpenID Connect provider are.
    pub(crate) fn configure<'a>(&self, tests: &'a mut Command) -> &'a mut Command {
        tests
            .env("PIP_NO_INDEX", "1")
            .env("PIP_FIND_LINKS", self.wheels())
            .env("npm_config_cache", self.npm_cache())
            .env("npm_config_offline", "true")
            .env(SCHEMATHESIS_VARIABLE, self.environment().join("bin/schemathesis"))
            .env(AXE_VARIABLE, self.folder.join("scratch/node_modules/axe-core/axe.min.js"))
            .env(OPENID_PROVIDER_VARIABLE, self.openid_provider())
    }

    fn wheels(&self) -> PathBuf {
        self.folder.join("wheels")
    }

    fn npm_cache(&self) -> PathBuf {
        self.folder.join("npm-cache")
    }

    /// The folder in which the OpenID Connect provider is installed.
    fn openid_provider(&self) -> PathBuf {
        self.folder.join("openid-provider")
    }

    /// The virtual environment of Schemathesis.
    fn environment(&self) -> PathBuf {
        self.folder.join("schemathesis")
    }
}

fn install_browser() -> Outcome {
    let has_browser = || succeeds(Command::new("chromedriver").arg("--version"));
    if !has_browser() {
        debian::install("chromium")?;
        debian::install("chromium-driver")?;
    }
    if has_browser() { Ok(()) } else { Err(BROWSER_MISSING.to_owned()) }
}

fn install_tools() -> Outcome {
    python::install()?;
    let has_npm = || succeeds(Command::new("npm").arg("--version"));
    if !has_npm() {
        debian::install("npm")?;
    }
    if has_npm() { Ok(()) } else { Err(MISSING.to_owned()) }
}
