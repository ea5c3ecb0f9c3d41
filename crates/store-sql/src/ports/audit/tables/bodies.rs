//! Parts of the bodies of runs and segments.

use std::sync::LazyLock;

use ::audit::tables::{BodyRange, RunTable};
use kernel::{OrganizationId, StoreError};

use crate::{
    engine::{BatchStatement, Column, RowReader, Session, Value, corrupt, names_organizations, pipeline2},
    schema::audit_tables::{AUDIT_RUNS, AUDIT_SEGMENTS},
};

/// The statements for runs and for segments. A body is stored as it is, so the database reads only the requested part.
pub(crate) static BODIES: LazyLock<[BatchStatement; 2]> =
    LazyLock::new(|| [AUDIT_RUNS.name, AUDIT_SEGMENTS.name].map(statement));

fn statement(table: &str) -> BatchStatement {
    let columns = [
        Column::text("organization_id"),
        Column::int("first_sequence"),
        Column::int("number"),
        Column::int("start"),
        Column::int("length"),
    ];
    BatchStatement::for_each(
        &columns,
        &format!(
            "SELECT CAST(?3 AS bigint), substr(body, CAST(?4 AS integer), CAST(?5 AS integer)) FROM {table} \
             WHERE organization_id = ?1 AND first_sequence = ?2"
        ),
        &format!(
            "SELECT v.number, substr(r.body, CAST(v.start AS integer), CAST(v.length AS integer)) FROM {{rows}} \
             JOIN {table} AS r ON r.organization_id = v.organization_id AND r.first_sequence = v.first_sequence WHERE {}",
            names_organizations("r.", 1)
        ),
    )
}

/// Reads parts of bodies, in the order of `ranges`.
pub(super) async fn read(
    session: &Session,
    organization: OrganizationId,
    ranges: &[BodyRange],
) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
    let rows = |table| {
        let of_table = ranges.iter().enumerate().filter(move |(_, range)| range.table == table);
        of_table.map(|(number, range)| values(organization, number, range)).collect::<Vec<_>>()
    };
    let (runs, segments) = (rows(RunTable::Runs), rows(RunTable::Segments));
    let part = |cells: &mut RowReader<'_>| Ok((cells.count()?, cells.opt_blob()?.map(<[u8]>::to_vec)));
    let [of_runs, of_segments] = &*BODIES;
    let found = pipeline2(session.fetch_each(of_runs, &runs, part), session.fetch_each(of_segments, &segments, part));
    let (of_runs, of_segments) = found.await?;
    let mut bodies: Vec<Option<Vec<u8>>> = vec![None; ranges.len()];
    for (number, body) in of_runs.into_iter().chain(of_segments) {
        let number = usize::try_from(number).map_err(corrupt)?;
        *bodies.get_mut(number).ok_or_else(|| corrupt("a body has a number that was not asked for"))? = body;
    }
    Ok(bodies)
}

/// The first byte has the number 1, and the end of the part must be a number of 32 bits.
fn values(organization: OrganizationId, number: usize, range: &BodyRange) -> Vec<Value<'static>> {
    let integer = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    let last = i64::from(i32::MAX) - 1;
    let start = integer(range.offset).min(last) + 1;
    let length = integer(range.length).min(last - start + 1);
    vec![organization.into(), range.first_sequence.into(), integer(number).into(), start.into(), length.into()]
}
