//! How the modules are asked for a key or an identifier.

use audit::AuditLog;
use auth::{Permission, Role, ServiceAccount, User, parse_user_email};
use futures_util::future::{BoxFuture, try_join_all};
use kernel::{Entry, Id, OrganizationId, Reader, Record, RequestId, StoreError, Stored};
use store::DynStore;
use webhooks::{WebhookDelivery, WebhookSubscription};

use crate::{
    pages::{
        audit::of_request,
        developers::{CREDENTIALS, WEBHOOKS},
        webhooks::name_of,
    },
    registers::{Row, register_of},
};

/// The maximum number of records of one module that are listed. Versions and nodes of several frameworks may have the
/// same key.
const MAX_HITS: usize = 20;

/// A record that was found.
#[derive(Clone)]
pub(super) struct Hit {
    /// The title of its module.
    pub(super) module: String,
    pub(super) href: String,
    pub(super) title: String,
    pub(super) key: String,
    pub(super) status: Option<String>,
}

type Found<'a> = BoxFuture<'a, Result<Vec<Hit>, StoreError>>;

/// How the records of one module are looked up.
type Lookup = for<'a> fn(&'a DynStore, OrganizationId, &'a str) -> Found<'a>;

/// Returns what the modules that the role may see have under this key or identifier.
///
/// # Errors
/// If the store fails.
pub(super) async fn find(
    store: &DynStore,
    organization: OrganizationId,
    role: Role,
    text: &str,
) -> Result<Vec<Hit>, StoreError> {
    let registers = registers().iter().map(|lookup| (Permission::ReadRecords, *lookup));
    let others: [(Permission, Lookup); 6] = [
        (Permission::ReadPeople, people),
        (Permission::ReadIntegrations, accounts),
        (Permission::ReadIntegrations, subscriptions),
        (Permission::ReadIntegrations, deliveries),
        (Permission::ReadAuditLog, entries),
        (Permission::ReadAuditLog, requests),
    ];
    let open = registers.chain(others).filter(|(permission, _)| role.permits(*permission));
    let found = open.map(|(_, lookup)| lookup(store, organization, text));
    Ok(try_join_all(found).await?.into_iter().flatten().collect())
}

fn registers() -> &'static [Lookup] {
    macro_rules! lookups {
        ($($kind:ident => $register:ty,)*) => { &[$(look_up::<$register> as Lookup,)*] };
    }
    ::registers::for_each_register! { lookups, Finding => ::findings::Finding, FindingEvent => ::findings::FindingEvent, }
}

/// Looks a record up by its identifier, if the text is one of this kind, or else by its key.
fn look_up<'a, R: Record>(store: &'a DynStore, organization: OrganizationId, text: &'a str) -> Found<'a>
where
    DynStore: Reader<R>,
{
    Box::pin(async move {
        let found: Vec<Stored<R>> = match text.parse::<Id<R>>() {
            Ok(id) => Reader::<R>::get(store, organization, id).await?.into_iter().collect(),
            Err(_) if R::COLUMNS.iter().any(|column| column.key.is_some()) => {
                Reader::<R>::get_by_keys(store, organization, &[text]).await?
            }
            Err(_) => Vec::new(),
        };
        Ok(found.iter().take(MAX_HITS).map(hit::<R>).collect())
    })
}

pub(super) fn hit<R: Record>(stored: &Stored<R>) -> Hit {
    let (register, row) = (register_of::<R>(), Row::of(stored));
    let text = |index: Option<usize>| index.and_then(|index| row.values[index].as_value().as_str().map(str::to_owned));
    Hit {
        module: register.title(),
        href: format!("{}/{}", register.path(), row.id),
        title: row.name(&register).into_owned(),
        key: text(register.key()).unwrap_or_else(|| row.id.clone()),
        status: text(register.position("status")),
    }
}

/// Looks a person up by their identifier or e-mail address.
fn people<'a>(store: &'a DynStore, organization: OrganizationId, text: &'a str) -> Found<'a> {
    Box::pin(async move {
        let found: Vec<Stored<User>> = match (text.parse::<Id<User>>(), parse_user_email(text)) {
            (Ok(id), _) => Reader::<User>::get(store, organization, id).await?.into_iter().collect(),
            (_, Ok(email)) => Reader::<User>::get_by_keys(store, organization, &[email.as_str()]).await?,
            _ => Vec::new(),
        };
        Ok(found.iter().map(person).collect())
    })
}

pub(super) fn person(user: &Stored<User>) -> Hit {
    Hit {
        module: "People".to_owned(),
        href: format!("/app/people/{}", user.meta.id),
        title: user.record.name.to_string(),
        key: user.record.email.to_string(),
        status: Some(user.record.status.name().to_owned()),
    }
}

/// Looks a service account up by its client id or name.
fn accounts<'a>(store: &'a DynStore, organization: OrganizationId, text: &'a str) -> Found<'a> {
    Box::pin(async move {
        let found: Vec<Stored<ServiceAccount>> = match text.parse::<Id<ServiceAccount>>() {
            Ok(id) => Reader::<ServiceAccount>::get(store, organization, id).await?.into_iter().collect(),
            Err(_) => Reader::<ServiceAccount>::get_by_keys(store, organization, &[text]).await?,
        };
        Ok(found.iter().map(account).collect())
    })
}

pub(super) fn account(account: &Stored<ServiceAccount>) -> Hit {
    Hit {
        module: "Service accounts".to_owned(),
        href: format!("{CREDENTIALS}/{}", account.meta.id),
        title: account.record.name.to_string(),
        key: account.meta.id.to_string(),
        status: Some(account.record.status.name().to_owned()),
    }
}

/// Looks a subscription up by its identifier.
fn subscriptions<'a>(store: &'a DynStore, organization: OrganizationId, text: &'a str) -> Found<'a> {
    Box::pin(async move {
        let Ok(id) = text.parse::<Id<WebhookSubscription>>() else { return Ok(Vec::new()) };
        let found = Reader::<WebhookSubscription>::get(store, organization, id).await?;
        let hit = |stored: &Stored<WebhookSubscription>| Hit {
            module: "Webhooks".to_owned(),
            href: format!("{WEBHOOKS}/{id}"),
            title: name_of(stored),
            key: id.to_string(),
            status: Some(stored.record.status.name().to_owned()),
        };
        Ok(found.iter().filter(|stored| !stored.record.is_removed()).map(hit).collect())
    })
}

/// Looks a delivery up by its identifier.
fn deliveries<'a>(store: &'a DynStore, organization: OrganizationId, text: &'a str) -> Found<'a> {
    Box::pin(async move {
        let Ok(id) = text.parse::<Id<WebhookDelivery>>() else { return Ok(Vec::new()) };
        let found = Reader::<WebhookDelivery>::get(store, organization, id).await?;
        let hit = |stored: &Stored<WebhookDelivery>| Hit {
            module: "Deliveries".to_owned(),
            href: format!("{WEBHOOKS}/{}/deliveries/{id}", stored.record.subscription),
            title: stored.record.event_type.to_string(),
            key: id.to_string(),
            status: Some(stored.record.state.name().to_owned()),
        };
        Ok(found.iter().map(hit).collect())
    })
}

/// Looks an entry of the audit log up by its identifier.
fn entries<'a>(store: &'a DynStore, organization: OrganizationId, text: &'a str) -> Found<'a> {
    Box::pin(async move {
        let Ok(id) = text.parse::<Id<Entry>>() else { return Ok(Vec::new()) };
        let found = AuditLog::entry(store, organization, id).await?;
        let hit = |action: String| Hit {
            module: "Audit log".to_owned(),
            href: format!("/app/audit/{id}"),
            title: action,
            key: id.to_string(),
            status: None,
        };
        Ok(found.map(|stored| hit(stored.entry.action.to_string())).into_iter().collect())
    })
}

/// Looks the entries of a request up: leads to the only one, or to the list of them.
fn requests<'a>(store: &'a DynStore, organization: OrganizationId, text: &'a str) -> Found<'a> {
    Box::pin(async move {
        let Ok(id) = text.parse::<Id<RequestId>>() else { return Ok(Vec::new()) };
        let found = of_request(store, organization, id, 2).await?;
        let href = match found.as_slice() {
            [] => return Ok(Vec::new()),
            [only] => format!("/app/audit/{}", only.entry.id),
            _ => format!("/app/audit?requestId={id}"),
        };
        let title = "The entries of this request".to_owned();
        Ok(vec![Hit { module: "Audit log".to_owned(), href, title, key: id.to_string(), status: None }])
    })
}
