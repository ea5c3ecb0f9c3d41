//! The present revisions of a lane's subscription and account, which every attempt asks for: where asking takes a trip,
//! calls in flight share one.

use std::{
    collections::HashMap,
    fmt::Write as _,
    sync::{Arc, LazyLock},
};

use kernel::{Revision, StoreError};
use webhooks::Lane;

use crate::{
    coalesce::{self, Waiting},
    engine::{Engine, Session, Sql, Value},
    shape::rounded,
    texts::Texts,
};

type Present = Option<(Revision, Revision)>;

/// Of one lane, as it mostly is; and of several.
pub(super) static ONE: LazyLock<Sql> = LazyLock::new(|| {
    Sql::fixed(
        "SELECT s.revision, a.revision FROM webhook_subscriptions AS s JOIN service_accounts AS a \
         ON a.organization_id = s.organization_id AND a.id = s.account_id WHERE s.organization_id = ? AND s.id = ?",
    )
});
static SEVERAL: LazyLock<Texts<usize>> = LazyLock::new(Texts::default);

#[derive(Default)]
pub(crate) struct Standing {
    waiting: Arc<Waiting<Lane, Present>>,
}

impl Standing {
    pub(super) async fn of(&self, engine: &Arc<Engine>, lane: Lane) -> Result<Present, StoreError> {
        if engine.is_in_process() {
            return engine.read_point(lane, |lane, session| Box::pin(one(session, *lane))).await;
        }
        coalesce::read(&self.waiting, engine, lane, |lanes, session| Box::pin(travel(lanes, session))).await
    }
}

async fn one(session: &Session, lane: Lane) -> Result<Present, StoreError> {
    let values = [lane.organization.into(), lane.subscription.into()];
    session.fetch_one(&ONE, &values, |cells| Ok((cells.revision()?, cells.revision()?))).await
}

async fn travel(questions: &[Lane], session: &Session) -> Result<Vec<Present>, StoreError> {
    let mut lanes: Vec<Lane> = questions.to_vec();
    lanes.sort_unstable();
    lanes.dedup();
    let present: HashMap<Lane, (Revision, Revision)> = match lanes[..] {
        [] => HashMap::new(),
        [lane] => one(session, lane).await?.map(|revisions| (lane, revisions)).into_iter().collect(),
        _ => {
            let places = rounded(lanes.len());
            let sql = SEVERAL.get(places, |places| several(*places));
            // A lane too many is none.
            let named = lanes.iter().flat_map(|lane| [lane.organization.into(), lane.subscription.into()]);
            let values: Vec<Value<'_>> = named.chain(std::iter::repeat(Value::text(""))).take(2 * places).collect();
            let read = |cells: &mut crate::engine::Cells<'_>| {
                let lane = Lane { organization: cells.id()?, subscription: cells.id()? };
                Ok((lane, (cells.revision()?, cells.revision()?)))
            };
            session.fetch(&sql, &values, read).await?.into_iter().collect()
        }
    };
    Ok(questions.iter().map(|question| present.get(question).copied()).collect())
}

fn several(lanes: usize) -> Sql {
    let mut text = "SELECT s.organization_id, s.id, s.revision, a.revision FROM (VALUES ".to_owned();
    for lane in 0..lanes {
        text.push_str(if lane == 0 { "" } else { ", " });
        let _ = write!(text, "(?{}, ?{})", 2 * lane + 1, 2 * lane + 2);
    }
    text.push_str(
        ") AS l JOIN webhook_subscriptions AS s ON s.organization_id = l.column1 AND s.id = l.column2 \
         JOIN service_accounts AS a ON a.organization_id = s.organization_id AND a.id = s.account_id",
    );
    Sql::numbered(&text)
}
