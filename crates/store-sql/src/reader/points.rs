//! Records by their identifiers: where asking takes a trip, calls in flight share one.

use std::{
    any::Any,
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use kernel::{Id, OrganizationId, StoreError, Stored};

use crate::{
    coalesce::{self, Waiting},
    engine::{Engine, Session, Value},
    statements::Statements,
    table::{self, Table},
};

type Named<R> = (OrganizationId, Id<R>);
type Asking<R> = Arc<Waiting<Named<R>, Option<Stored<R>>>>;

/// Who asks for records, of each kind.
pub(crate) struct Points(Vec<Box<dyn Any + Send + Sync>>);

macro_rules! points {
    ($($kind:ident => $record:ty,)*) => {
        impl Default for Points {
            fn default() -> Self {
                Self(vec![$(Box::new(Asking::<$record>::default()),)*])
            }
        }
    };
}
store::for_each_resource!(points);

impl Points {
    pub(super) async fn get<R: Table>(
        &self,
        engine: &Arc<Engine>,
        organization: OrganizationId,
        id: Id<R>,
    ) -> Result<Option<Stored<R>>, StoreError> {
        let asking = self.0.iter().find_map(|asking| asking.downcast_ref::<Asking<R>>());
        match asking {
            Some(asking) if !engine.is_in_process() => {
                coalesce::read(asking, engine, (organization, id), |named, session| Box::pin(travel(named, session)))
                    .await
            }
            _ => {
                let row = [vec![organization.into(), id.into()]];
                let found = engine.read_point(row, |row, session| Box::pin(find(row, session)));
                Ok(found.await?.pop())
            }
        }
    }
}

async fn find<R: Table>(rows: &[Vec<Value<'_>>], session: &Session) -> Result<Vec<Stored<R>>, StoreError> {
    session.fetch_each(&Statements::of(R::KIND).get, rows, table::read::<R>).await
}

async fn travel<R: Table>(named: &[Named<R>], session: &Session) -> Result<Vec<Option<Stored<R>>>, StoreError> {
    let distinct: BTreeSet<Named<R>> = named.iter().copied().collect();
    let rows: Vec<Vec<Value<'_>>> =
        distinct.iter().map(|(organization, id)| vec![(*organization).into(), (*id).into()]).collect();
    let found = find::<R>(&rows, session).await?;
    let mut found: HashMap<Named<R>, Stored<R>> =
        found.into_iter().map(|stored| ((stored.meta.organization, stored.meta.id), stored)).collect();
    let shared = distinct.len() < named.len();
    let each = named.iter().map(|one| if shared { found.get(one).cloned() } else { found.remove(one) });
    Ok(each.collect())
}
