//! Absence of the database where an installation was before: a disk that is not mounted, a mistyped path or name. A new
//! installation in its place would look healthy, and without any data.

use std::{fs, io::ErrorKind, path::Path, time::Duration};

use kernel::StoreError;
use tokio::time::{Instant, sleep};

use crate::{
    failure::{Failure, ResultExt as _},
    settings::Settings,
};

/// How long a process that starts waits for another one that is just creating the installation, whose master key may be
/// seen before its database.
const CREATION_TIMEOUT: Duration = Duration::from_secs(5);

const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// The description of a database without a schema.
pub(super) const EMPTY: &str = "the database is empty";

/// The description of a database with a schema that was never initialized.
pub(super) const NO_INSTALLATION: &str = "the database contains no installation";

/// Refuses to begin an installation while `is_absent`, if there is something of an earlier one. `description` says what
/// is missing.
///
/// # Errors
/// If there is a master key, or there are attachments, without their database.
pub(super) async fn ensure_new<F: Future<Output = Result<bool, StoreError>>>(
    settings: &Settings,
    description: &str,
    is_absent: impl Fn() -> F,
) -> Result<(), Failure> {
    let started = Instant::now();
    while is_absent().await?
        && let Some(trace) = trace(settings)?
    {
        if started.elapsed() >= CREATION_TIMEOUT {
            return Err(missing(description, Some(&trace)));
        }
        sleep(POLL_INTERVAL).await;
    }
    Ok(())
}

/// The failure of a program that needs an installation where there is none, with the remedy. `description` says what is
/// missing.
pub(super) fn missing_installation(settings: &Settings, description: &str) -> Failure {
    match trace(settings) {
        Ok(trace) => missing(description, trace.as_deref()),
        Err(failure) => failure,
    }
}

fn missing(description: &str, trace: Option<&str>) -> Failure {
    Failure::new(match trace {
        Some(trace) => format!(
            "{description}, but there is {trace}: an installation was here, and its database is missing. Mount its disk, \
             correct database_url or data_dir, or restore a backup; to begin an empty installation all the same, run \
             `novantra installation create`, or start `novantra serve --new-installation`"
        ),
        None => format!("{description}: the first `novantra serve` creates an installation"),
    })
}

/// Describes that there is no database at the path.
pub(super) fn no_database(file: &Path) -> String {
    format!("there is no database at {}", file.display())
}

/// Returns the remains of an earlier installation.
///
/// # Errors
/// If it can't be examined whether there are any.
fn trace(settings: &Settings) -> Result<Option<String>, Failure> {
    let key = &settings.master_key_file;
    if key.try_exists().context(|| format!("can't examine the master key {}", key.display()))? {
        return Ok(Some(format!("a master key at {}", key.display())));
    }
    let Some(attachments) = settings.attachments.folder() else { return Ok(None) };
    let has_files = match fs::read_dir(attachments) {
        Err(error) if error.kind() == ErrorKind::NotFound => false,
        files => files.context(|| format!("can't read the folder {}", attachments.display()))?.next().is_some(),
    };
    Ok(has_files.then(|| format!("a folder of attachments at {}", attachments.display())))
}
