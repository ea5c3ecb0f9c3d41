//! Changes of the installation as a whole, each with an entry in the installation's own audit log.

use std::sync::Arc;

use audit::RowKey;
use crypto::load_master_key;
use kernel::{Change, Entropy, FieldValue, Reason, Timestamp};
use store_sql::{Database as SqlDatabase, InstallationChange};

use super::{
    absence,
    audit_logs::row_key,
    database::{clock_for, connect_existing, ensure_not_empty},
    entropy,
    identity::{Author, OPERATOR, entry, renew_duplicate, renewal, row_writer},
    keys::foreign_key_error,
};
use crate::{failure::Failure, settings::Settings};

/// The watermark before and after it was reset.
pub(crate) struct ClockReset {
    pub(crate) before: Option<Timestamp>,
    pub(crate) after: Timestamp,
}

/// The result of resuming webhooks.
pub(crate) struct Resumed {
    /// Whether they were paused.
    pub(crate) were_paused: bool,
    /// The new identifier of a copy on which no server had started yet.
    pub(crate) renewed: Option<String>,
}

/// Accepts the present time of the clock, before or after all times stored so far.
///
/// # Errors
/// If the database can't be reached, its master key is another one, or other processes use it.
pub(crate) async fn reset_clock(settings: &Settings, command: &str, reason: &Reason) -> Result<ClockReset, Failure> {
    with_unused_database(settings, async |sql, key, entropy| {
        let (before, after) = (sql.watermark_ceiling().await?, sql.time().await?);
        let change = Change {
            field: "watermark".into(),
            before: FieldValue::from(before),
            after: FieldValue::Text(after.to_string()),
        };
        let author = Author { name: OPERATOR, command, reason };
        let entry = entry(entropy, after, &author, "installation.clock_reset", change);
        sql.change_installation(&InstallationChange::ResetClock(after), &entry, row_writer(key, entropy, after))
            .await?;
        Ok(ClockReset { before, after })
    })
    .await
}

/// Makes the installation another one than that which it is a copy of. Returns its new identifier.
///
/// # Errors
/// If the database can't be reached, its master key is another one, or other processes use it.
pub(crate) async fn renew(settings: &Settings, command: &str, reason: &Reason) -> Result<String, Failure> {
    let author = Author { name: OPERATOR, command, reason };
    with_unused_database(settings, async |sql, key, entropy| {
        let now = clock_for(&settings.database, sql).await?.now();
        let (id, entry) = renewal(sql, entropy, now, &author).await?;
        sql.change_installation(&InstallationChange::Renew(id.clone()), &entry, row_writer(key, entropy, now)).await?;
        Ok(id)
    })
    .await
}

/// Begins the next generation of the audit logs of a database that was restored to an earlier state by other means than
/// `novantra restore`. Returns `false` if it has begun already, and no server has started since.
///
/// # Errors
/// If the database can't be reached, its master key is another one, or other processes use it.
pub(crate) async fn continue_logs(settings: &Settings, command: &str, reason: &Reason) -> Result<bool, Failure> {
    let author = Author { name: OPERATOR, command, reason };
    with_unused_database(settings, async |sql, key, entropy| {
        let now = clock_for(&settings.database, sql).await?.now();
        let text = |text: &str| FieldValue::Text(text.to_owned());
        let change = Change { field: "audit_logs".into(), before: text("original"), after: text("restored") };
        let entry = entry(entropy, now, &author, "audit.log_continued", change);
        Ok(sql.change_installation(&InstallationChange::ContinueLogs, &entry, row_writer(key, entropy, now)).await?)
    })
    .await
}

/// Resumes webhooks that are paused. Servers may run. The identity of a copy on which no server has started yet is
/// renewed first, because the first start would pause the webhooks again.
///
/// # Errors
/// If the database can't be reached, or its master key is another one.
pub(crate) async fn resume_webhooks(settings: &Settings, command: &str, reason: &Reason) -> Result<Resumed, Failure> {
    let author = Author { name: OPERATOR, command, reason };
    with_database(settings, async |sql, key, entropy| {
        let now = clock_for(&settings.database, sql).await?.now();
        let renewed = renew_duplicate(sql, key, entropy, now, &author).await?;
        let text = |text: &str| FieldValue::Text(text.to_owned());
        let change = Change { field: "webhooks".into(), before: text("paused"), after: text("active") };
        let entry = entry(entropy, now, &author, "installation.webhooks_resumed", change);
        let were_paused =
            sql.change_installation(&InstallationChange::ResumeWebhooks, &entry, row_writer(key, entropy, now)).await?;
        Ok(Resumed { were_paused, renewed })
    })
    .await
}

/// Runs `run` with the database, which no other process may use.
async fn with_unused_database<T>(
    settings: &Settings,
    run: impl AsyncFnOnce(&SqlDatabase, &Arc<dyn RowKey>, &dyn Entropy) -> Result<T, Failure>,
) -> Result<T, Failure> {
    with_database(settings, async |sql, key, entropy| match sql.active_processes().await? {
        0 => run(sql, key, entropy).await,
        processes => Err(Failure::new(format!(
            "{processes} processes use the database: stop all servers first (a killed process counts for 15 s)"
        ))),
    })
    .await
}

/// Runs `run` with the database, whose schema is that of this program and whose master key the settings name.
async fn with_database<T>(
    settings: &Settings,
    run: impl AsyncFnOnce(&SqlDatabase, &Arc<dyn RowKey>, &dyn Entropy) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let sql = connect_existing(settings).await?;
    let result = async {
        ensure_not_empty(&sql, settings).await?;
        sql.ensure_current().await?;
        let Some(check) = sql.master_key_check().await? else {
            return Err(absence::missing_installation(settings, absence::NO_INSTALLATION));
        };
        let file = &settings.master_key_file;
        let master = load_master_key(file)?;
        if !master.has_check_value(&check) {
            return Err(foreign_key_error(file));
        }
        run(&sql, &row_key(&master), &*entropy()).await
    };
    let result = result.await;
    sql.close().await;
    result
}
