//! `novantra audit continue`: the beginning of a new generation of logs, after a database was restored by other means than
//! `novantra restore`.

use serde_json::json;

use crate::{
    cli::{CommandContext, ReasonArg, seal},
    compose::continue_logs,
    failure::Failure,
    serve::ServerLock,
};

/// Stores that the next server continues the logs under another name.
///
/// # Errors
/// If a server runs, or the database can't be used.
pub(super) async fn continue_log(context: &CommandContext, reason: &ReasonArg) -> Result<(), Failure> {
    const COMMAND: &str = "audit continue";
    let (settings, reason) = (&context.settings, reason.parse(COMMAND)?);
    let _lock = ServerLock::acquire_for_existing(&settings.database)?;
    let is_new = continue_logs(settings, COMMAND, &reason).await?;
    seal(settings).await;
    context.output.print(&json!({ "continued": is_new }), || {
        let state = if is_new {
            "the audit logs go on under another name"
        } else {
            "nothing changed: the audit logs go on under another name already, and no server has started since"
        };
        format!("{state}\nnext: start the servers; an entry of each log names its last entry before that")
    })
}
