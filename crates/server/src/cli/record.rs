//! The shared parts of the commands on records: the arguments that name records, and the output of one and of many.

use api_v1::Represent;
use clap::Args;
use kernel::{
    Changeset, Filter, OwnedScalar, PageLimit, PageRequest, Reader, Record, ScalarValue, Stored, Timestamp,
    WriteContext, WriteTimestamp,
};
use serde_json::{Value, json};
use store::DynStore;

use super::{CommandContext, ReasonArg, columns};
use crate::{
    compose::Installation,
    failure::Failure,
    operations::{CommandRecord, Operator, change_record, find_record, find_workspace},
};

/// The arguments that name a record.
#[derive(Debug, Args)]
pub(crate) struct RecordArgs {
    /// The key of the record.
    #[arg(value_name = "KEY")]
    key: String,
    /// The workspace of the record.
    #[arg(long, value_name = "SLUG")]
    workspace: String,
}

/// The arguments of a command that changes a record.
#[derive(Debug, Args)]
pub(crate) struct ChangeArgs {
    #[command(flatten)]
    record: RecordArgs,
    #[command(flatten)]
    reason: ReasonArg,
}

/// The arguments of a list of records.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// The workspace of the records.
    #[arg(long, value_name = "SLUG")]
    workspace: String,
    /// List records with this status only; may be repeated.
    #[arg(long = "status", value_name = "STATUS", value_delimiter = ',')]
    statuses: Vec<String>,
    /// Maximum number of records.
    #[arg(long, default_value = "50", value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    limit: u16,
}

/// The choice and the order of the records of a list by their due dates.
pub(crate) struct DueDates<R> {
    /// The due date of a record.
    pub(crate) due_at: fn(&R) -> Option<Timestamp>,
    /// Whether a record is listed at this time.
    pub(crate) is_listed: fn(&R, Timestamp) -> bool,
}

impl ListArgs {
    /// Prints the newest records.
    pub(crate) async fn run<R: CommandRecord>(&self, context: &CommandContext) -> Result<(), Failure>
    where
        DynStore: Reader<R>,
        Stored<R>: Represent,
    {
        self.run_with(context, None).await
    }

    /// Prints the records that are listed, soonest due first, and those without a due date last.
    pub(crate) async fn run_by_due_date<R: CommandRecord>(
        &self,
        context: &CommandContext,
        dates: &DueDates<R>,
    ) -> Result<(), Failure>
    where
        DynStore: Reader<R>,
        Stored<R>: Represent,
    {
        self.run_with(context, Some(dates)).await
    }

    async fn run_with<R: CommandRecord>(
        &self,
        context: &CommandContext,
        dates: Option<&DueDates<R>>,
    ) -> Result<(), Failure>
    where
        DynStore: Reader<R>,
        Stored<R>: Represent,
    {
        let filter = self.filter::<R>()?;
        let records = Installation::with(&context.settings, async |installation| {
            let workspace = find_workspace(installation, &self.workspace).await?;
            let (limit, now) = (usize::from(self.limit), installation.clock.now());
            // In the order of due dates every record is read, and only as many are kept as are printed.
            let page_size = if dates.is_some() { u64::MAX } else { self.limit.into() };
            let mut request = PageRequest { limit: PageLimit::clamped(page_size), ..PageRequest::default() };
            let mut records: Vec<Stored<R>> = Vec::new();
            loop {
                let page = Reader::<R>::list(&*installation.store, workspace.meta.id, &filter, &request).await?;
                let is_listed = |stored: &Stored<R>| dates.is_none_or(|dates| (dates.is_listed)(&stored.record, now));
                records.extend(page.items.into_iter().filter(is_listed));
                if let Some(dates) = dates {
                    let due_at = |stored: &Stored<R>| (dates.due_at)(&stored.record);
                    records.sort_by_key(|stored| (due_at(stored).is_none(), due_at(stored)));
                }
                records.truncate(limit);
                match page.next.filter(|_| dates.is_some() || records.len() < limit) {
                    Some(next) => request.after = Some(next),
                    None => return Ok(records),
                }
            }
        })
        .await?;
        let documents: Vec<Value> = records.iter().map(Represent::to_json).collect();
        context.output.print(&json!({ <Stored<R> as Represent>::PLURAL: documents }), || {
            let index_of = |name: &&str| R::COLUMNS.iter().position(|column| column.name == *name);
            let listed: Vec<usize> = R::LISTED.iter().filter_map(index_of).collect();
            let head = listed.iter().map(|index| R::COLUMNS[*index].name.to_uppercase()).collect();
            let rows =
                records.iter().map(|stored| listed.iter().map(|index| cell(stored.record.value(*index))).collect());
            columns(&std::iter::once(head).chain(rows).collect::<Vec<_>>())
        })
    }

    fn filter<R: Record>(&self) -> Result<Filter<R>, Failure> {
        let mut filter = Filter::<R>::default();
        if let Some((index, column, _)) = Filter::<R>::columns().find(|(_, column, _)| column.name == "status") {
            let statuses = self.statuses.iter().map(|status| (column.parse)(status));
            let statuses: Result<Vec<OwnedScalar>, String> = statuses.collect();
            filter.set(index, statuses.map_err(|error| Failure::usage(format!("--status {error}")))?);
        }
        Ok(filter)
    }
}

impl RecordArgs {
    /// Prints the record.
    pub(crate) async fn show<R: CommandRecord>(&self, context: &CommandContext) -> Result<(), Failure>
    where
        DynStore: Reader<R>,
        Stored<R>: Represent,
    {
        let stored: Stored<R> = Installation::with(&context.settings, async |installation| {
            let workspace = find_workspace(installation, &self.workspace).await?;
            find_record(installation, &workspace, &self.key).await
        })
        .await?;
        context.output.print(&json!({ <Stored<R> as Represent>::SINGULAR: stored.to_json() }), || {
            let meta = &stored.meta;
            let values = R::COLUMNS.iter().zip(stored.record.values());
            let fields = values.map(|(column, value)| (column.label, cell(value)));
            let times = [("created_at", meta.created_at.to_string()), ("updated_at", meta.updated_at.to_string())];
            let rows = std::iter::once(("id", meta.id.to_string())).chain(fields).chain(times);
            columns(&rows.map(|(name, value)| vec![name.to_owned(), value]).collect::<Vec<_>>())
        })
    }
}

impl ChangeArgs {
    /// Changes the record by a command of its domain, and prints its status.
    pub(crate) async fn change<R: CommandRecord, E: Into<Failure>>(
        &self,
        context: &CommandContext,
        command: &'static str,
        decide: impl Fn(&WriteContext<'_>, WriteTimestamp, &Stored<R>) -> Result<(Changeset, Stored<R>), E>,
    ) -> Result<(), Failure>
    where
        DynStore: Reader<R>,
        Stored<R>: Represent,
    {
        let RecordArgs { key, workspace } = &self.record;
        let change = async |operator: &Operator| change_record(operator, workspace, key, &decide).await;
        let changed = context.operate(command, &self.reason, change).await?;
        let (name, is_changed) = (<Stored<R> as Represent>::SINGULAR, changed.is_changed());
        context.output.print(&json!({ name: changed.after.to_json(), "changed": is_changed }), || {
            let status = R::COLUMNS.iter().position(|column| column.name == "status");
            let status = status.map_or_else(String::new, |index| cell(changed.after.record.value(index)));
            let already = if is_changed { "" } else { " already; nothing was changed" };
            format!("{key} is {status}{already}")
        })
    }
}

/// The text of a value in a table.
fn cell(value: ScalarValue<'_>) -> String {
    match value {
        ScalarValue::Null => "none".to_owned(),
        ScalarValue::Text(text) => text.to_owned(),
        ScalarValue::Name(name) => name.to_owned(),
        ScalarValue::Integer(number) => number.to_string(),
        ScalarValue::Timestamp(time) => time.to_string(),
        ScalarValue::Id(prefix, id) => kernel::IdText(prefix, id).to_string(),
        ScalarValue::Groups(groups) => groups.text().to_owned(),
        ScalarValue::Ids(prefix, ids) => {
            ids.iter().map(|id| kernel::IdText(prefix, *id).to_string()).collect::<Vec<_>>().join(", ")
        }
    }
}
