//! The state of a service account in words, and its scopes.

use auth::{Account, AccountStatus};
use kernel::Timestamp;
use maud::{Markup, html};
use scopes::{Scope, ScopeSet};

use crate::{
    components::{Icon, Tone, badge, dotted},
    words::counted,
};

/// The number of days before its expiry from which on the state of an account says so.
const SOON: u64 = 14;

/// The number of scopes that a list shows one by one.
const SHOWN: usize = 3;

const DAY: u64 = 24 * 60 * 60;

/// The state of an account: what its next call would meet, or what an administrator should know.
pub(super) fn state(account: &Account, now: Timestamp) -> Markup {
    let record = &account.record;
    let days_left = record.expires_at.map(|expiry| expiry.since(now).as_secs().div_ceil(DAY));
    match record.status {
        AccountStatus::Disabled => badge(Tone::Bad, "Disabled"),
        AccountStatus::Active if !record.is_active_at(now) => badge(Tone::Bad, "Expired"),
        AccountStatus::Active => match days_left {
            Some(days @ ..=SOON) => {
                let days = usize::try_from(days).unwrap_or_default();
                badge(Tone::Warning, &format!("Expires in {}", counted(days, "day", "days")))
            }
            _ if record.valid_secrets(now).count() > 1 => badge(Tone::Warning, "Rotating"),
            _ => badge(Tone::Good, "Active"),
        },
    }
}

/// The time until which the secret from before the last rotation works, if it still does.
pub(super) fn older_secret(account: &Account, now: Timestamp) -> Option<Timestamp> {
    let works = account.record.is_active_at(now);
    account.record.secrets.iter().filter_map(|secret| secret.expires_at).find(|end| works && *end > now)
}

/// A scope; one that allows changes has a pencil.
pub(super) fn scope(scope: Scope) -> Markup {
    let writes = !is_read(scope);
    html! {
        code.scope.w[writes] { @if writes { (Icon::Pencil) } (dotted(scope.name())) }
    }
}

/// Whether the scope only allows reading.
pub(super) fn is_read(scope: Scope) -> bool {
    scope.name().ends_with(":read")
}

/// The scopes of an account in a list. Many are only counted.
pub(super) fn scopes(scopes: ScopeSet) -> Markup {
    let all: Vec<Scope> = scopes.iter().collect();
    if all.len() <= SHOWN {
        return html! { span.scopes { @for one in all { (scope(one)) } } };
    }
    let reads = all.iter().filter(|scope| is_read(**scope)).count();
    html! {
        span.scopes {
            @for one in all.iter().filter(|scope| !is_read(**scope)) { (scope(*one)) }
            @if reads > 0 { span.small { (counted(reads, "read scope", "read scopes")) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use auth::{SecretHash, ServiceAccount};
    use kernel::{Id, OrganizationId, Stored, Title, Ulid};

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_779_718_113_000);

    fn account(expires_in_days: Option<u64>) -> Account {
        let expires_at = expires_in_days.map(|days| NOW + Duration::from_secs(days * DAY));
        let scopes = ScopeSet::from_iter([Scope::FindingsWrite]);
        let name = Title::parse("scanner").unwrap();
        let record = ServiceAccount::open(name, None, scopes, expires_at, SecretHash::new("hash"), NOW).unwrap();
        Stored::new(OrganizationId::INSTALLATION, Id::new(Ulid(1)), NOW, record)
    }

    fn text(account: &Account, now: Timestamp) -> String {
        let html = state(account, now).into_string();
        html.split(['<', '>']).nth(2).unwrap().to_owned()
    }

    #[test]
    fn the_state_of_an_account_says_what_its_next_call_would_meet() {
        assert_eq!(text(&account(None), NOW), "Active");
        assert_eq!(text(&account(Some(90)), NOW), "Active");
        assert_eq!(text(&account(Some(6)), NOW), "Expires in 6 days");
        assert_eq!(text(&account(Some(1)), NOW + Duration::from_secs(DAY)), "Expired");
        let disabled = account(None);
        let record = disabled.record.with_status(AccountStatus::Disabled);
        assert_eq!(text(&Stored { record, ..disabled }, NOW), "Disabled");
    }

    #[test]
    fn an_account_with_two_valid_secrets_is_rotating_until_the_older_one_ends() {
        let account = account(None);
        let grace = Duration::from_secs(60);
        let record = account.record.with_rotated_secret(SecretHash::new("new"), grace, NOW).unwrap();
        let account = Stored { record, ..account };
        assert_eq!(text(&account, NOW), "Rotating");
        assert_eq!(text(&account, NOW + grace), "Active");
    }

    #[test]
    fn a_scope_that_changes_something_has_a_pencil() {
        assert!(scope(Scope::FindingsWrite).into_string().starts_with("<code class=\"scope w\"><svg"));
        assert!(scope(Scope::FindingsRead).into_string().starts_with("<code class=\"scope\">governance."));
    }

    #[test]
    fn many_scopes_are_counted_but_those_that_change_something_are_named() {
        let html = scopes(ScopeSet::all()).into_string();
        assert!(html.contains("16 read scopes"), "{html}");
        assert!(html.contains("webhooks:"), "{html}");
    }
}
