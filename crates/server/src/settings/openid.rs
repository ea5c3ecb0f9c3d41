//! The settings of sign-in by OpenID Connect.

use auth::{ExternalIdentity, GroupRoles, OpenIdRules, Role};
use kernel::Slug;
use openid::{ProviderSettings, parse_provider_url};
use people::OpenIdSettings as PeopleOpenIdSettings;
use secrecy::SecretString;

use super::{
    parsers::parse_one_of,
    people::PublicUrl,
    reader::SettingsReader,
    table::{self, Setting},
};

/// The path of the page that the provider sends browsers back to.
const CALLBACK: &str = "/app/sign-in/openid/callback";

/// Maximum number of values in a list.
const MAX_VALUES: usize = 200;
/// Maximum length of a value.
const MAX_LENGTH: usize = 255;
/// Maximum length of the label of the button.
const MAX_LABEL: usize = 60;

/// The parsed settings of sign-in by OpenID Connect.
#[derive(Clone, Debug)]
pub(crate) struct OpenIdSettings {
    /// The registration with the provider.
    pub(crate) provider: ProviderSettings,
    /// The requirements that people must meet.
    pub(crate) people: PeopleOpenIdSettings,
}

/// Reads the settings. `None` inside if there is no provider.
pub(super) fn read(reader: &mut SettingsReader<'_>, public_url: Option<&PublicUrl>) -> Option<Option<OpenIdSettings>> {
    let issuer = reader.value_or(&table::OPENID_ISSUER, |text| parse_issuer(text).map(Some), || None);
    let client_id = reader.value_or(&table::OPENID_CLIENT_ID, |text| parse_word(text).map(Some), || None);
    let client_secret = reader.value_or(&table::OPENID_CLIENT_SECRET, |text| parse_secret(text).map(Some), || None);
    let scopes = reader.value(&table::OPENID_SCOPES, |text| parse_list(text, parse_word));
    let groups_claim = reader.value(&table::OPENID_GROUPS_CLAIM, parse_word);
    let mapping = list(reader, &table::OPENID_ROLES, parse_group_role);
    let default = reader.value_or(&table::OPENID_DEFAULT_ROLE, |text| parse_role(text).map(Some), || None);
    let trusts_email =
        reader.value(&table::OPENID_EMAIL, |text| parse_one_of(text, &[("verified", false), ("trusted", true)]));
    let amr = list(reader, &table::OPENID_AMR, parse_word);
    let acr = list(reader, &table::OPENID_ACR, parse_word);
    let allows_passwords =
        reader.value(&table::OPENID_PASSWORDS, |text| parse_one_of(text, &[("true", true), ("false", false)]));
    let label = reader.value(&table::OPENID_LABEL, parse_label);
    let workspace = reader.value_or(&table::OPENID_WORKSPACE, |text| parse_slug(text).map(Some), || None);
    let roles = GroupRoles { mapping: mapping?, default: default? };
    let (issuer, client_id) = match (issuer?, client_id?) {
        (Some(issuer), Some(client_id)) => (issuer, client_id),
        (None, None) => return Some(None),
        (Some(_), None) => return reader.error("openid_issuer is set without openid_client_id; set both"),
        (None, Some(_)) => return reader.error("openid_client_id is set without openid_issuer; set both"),
    };
    if roles.mapping.is_empty() && roles.default.is_none() {
        return reader.error(
            "openid_issuer is set, but nobody would have a role: set openid_roles, openid_default_role, or both",
        );
    }
    let acr = acr?;
    let provider = ProviderSettings {
        issuer,
        client_id,
        client_secret: client_secret?,
        scopes: scopes?,
        groups_claim: groups_claim?,
        acr_values: acr.clone(),
        redirect_uri: public_url?.join(CALLBACK),
    };
    let people = PeopleOpenIdSettings {
        label: label?,
        workspace: workspace?,
        allows_passwords: allows_passwords?,
        rules: OpenIdRules { roles, trusts_email: trusts_email?, amr: amr?, acr },
    };
    Some(Some(OpenIdSettings { provider, people }))
}

fn list<T>(
    reader: &mut SettingsReader<'_>,
    setting: &'static Setting,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Option<Vec<T>> {
    reader.value_or(setting, |text| parse_list(text, parse), Vec::new)
}

fn parse_list<T>(text: &str, parse: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, String> {
    if text.split(',').count() > MAX_VALUES {
        return Err(format!("there are more than {MAX_VALUES} values"));
    }
    text.split(',').map(str::trim).map(parse).collect()
}

fn parse_issuer(text: &str) -> Result<String, String> {
    let url = parse_provider_url(text).map_err(|error| format!("{text:?} is no issuer: {error}"))?;
    if url.query().is_some() || text.len() > ExternalIdentity::MAX_ISSUER {
        return Err(format!("{text:?} is no issuer: it must have no query and at most 512 bytes"));
    }
    // The issuer is compared byte for byte, so it is kept as it was written.
    Ok(text.to_owned())
}

/// Parses a value without white space, such as the identifier of a client or the name of a claim.
fn parse_word(text: &str) -> Result<String, String> {
    let is_word = (1..=MAX_LENGTH).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    if is_word {
        Ok(text.to_owned())
    } else {
        Err(format!("{text:?} is not 1 to {MAX_LENGTH} characters of ASCII without spaces"))
    }
}

fn parse_secret(text: &str) -> Result<SecretString, String> {
    parse_word(text).map(SecretString::from)
}

/// Parses a group and its role. The group may have an equals sign, as names of LDAP do.
fn parse_group_role(text: &str) -> Result<(String, Role), String> {
    let error = || format!("{text:?} is not a group with its role, such as grc-leads=lead");
    let (group, role) = text.rsplit_once('=').ok_or_else(error)?;
    let (group, role) = (group.trim(), role.trim());
    if group.is_empty() || group.len() > MAX_LENGTH || group.chars().any(char::is_control) {
        return Err(error());
    }
    Ok((group.to_owned(), parse_role(role)?))
}

fn parse_role(text: &str) -> Result<Role, String> {
    Role::from_name(text).ok_or_else(|| {
        let names: Vec<&str> = Role::ALL.iter().map(|role| role.name()).collect();
        format!("{text:?} is not one of {}", names.join(", "))
    })
}

fn parse_label(text: &str) -> Result<String, String> {
    let begins_well = text.chars().next().is_some_and(char::is_alphanumeric);
    let is_label = begins_well && text.chars().count() <= MAX_LABEL && !text.chars().any(char::is_control);
    if is_label {
        Ok(text.to_owned())
    } else {
        Err(format!("{text:?} is not a label of 1 to {MAX_LABEL} characters that begins with a letter"))
    }
}

fn parse_slug(text: &str) -> Result<Slug, String> {
    Slug::parse(text).map_err(|error| format!("{text:?} {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Settings, Sources, collect};

    const REQUIRED: [(&str, &str); 3] = [
        ("NOVANTRA_OPENID_ISSUER", "https://login.example.org/realms/staff"),
        ("NOVANTRA_OPENID_CLIENT_ID", "novantra"),
        ("NOVANTRA_OPENID_DEFAULT_ROLE", "reader"),
    ];

    fn parse(environment: &[(&str, &str)]) -> Result<Option<OpenIdSettings>, Vec<String>> {
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let values = collect(&Sources { environment, ..Sources::default() }).unwrap();
        Settings::parse(&values).map(|settings| settings.openid)
    }

    fn with(name: &str, value: &str) -> Result<Option<OpenIdSettings>, Vec<String>> {
        let others = REQUIRED.into_iter().filter(|(required, _)| *required != name);
        parse(&others.chain([(name, value)]).collect::<Vec<_>>())
    }

    #[test]
    fn a_provider_needs_an_issuer_a_client_and_a_role_for_somebody() {
        assert!(parse(&[]).unwrap().is_none());
        let settings = parse(&REQUIRED).unwrap().unwrap();
        assert_eq!(settings.provider.issuer, REQUIRED[0].1);
        assert_eq!(settings.provider.redirect_uri, "http://127.0.0.1:8080/app/sign-in/openid/callback");
        assert_eq!(settings.provider.scopes, ["email", "profile"]);
        assert!(settings.people.allows_passwords && !settings.people.rules.trusts_email);
        for left_out in 0..3 {
            let some: Vec<_> = REQUIRED.into_iter().enumerate().filter(|(index, _)| *index != left_out).collect();
            let some: Vec<_> = some.into_iter().map(|(_, pair)| pair).collect();
            assert!(parse(&some).is_err(), "{some:?}");
        }
    }

    #[test]
    fn groups_are_mapped_in_the_order_of_the_list() {
        let settings = with("NOVANTRA_OPENID_ROLES", "/grc/admins=admin, CN=GRC Leads=lead").unwrap().unwrap();
        let expected = [("/grc/admins", Role::Admin), ("CN=GRC Leads", Role::Lead)];
        assert_eq!(settings.people.rules.roles.mapping, expected.map(|(group, role)| (group.to_owned(), role)));
        for bad in ["admins", "admins=owner", "=admin", "admins=", ""] {
            assert!(with("NOVANTRA_OPENID_ROLES", bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_issuer_is_encrypted_or_on_this_machine() {
        for bad in ["http://login.example.org", "https://login.example.org?tenant=1", "login.example.org", ""] {
            assert!(with("NOVANTRA_OPENID_ISSUER", bad).is_err(), "{bad:?}");
        }
        let slash = with("NOVANTRA_OPENID_ISSUER", "https://login.example.org/").unwrap().unwrap();
        assert_eq!(slash.provider.issuer, "https://login.example.org/", "it is compared byte for byte");
        assert!(with("NOVANTRA_OPENID_ISSUER", "http://127.0.0.1:9/x").is_ok());
    }

    #[test]
    fn the_secret_of_the_client_is_in_no_message() {
        let errors = with("NOVANTRA_OPENID_CLIENT_SECRET", "hunter 2").unwrap_err();
        assert!(!errors.concat().contains("hunter"), "{errors:?}");
        let settings = with("NOVANTRA_OPENID_CLIENT_SECRET", "hunter2").unwrap().unwrap();
        assert!(!format!("{settings:?}").contains("hunter2"));
    }

    #[test]
    fn values_are_bounded() {
        let long = "x".repeat(256);
        for name in ["CLIENT_ID", "CLIENT_SECRET", "SCOPES", "GROUPS_CLAIM", "AMR", "ACR", "LABEL", "WORKSPACE"] {
            assert!(with(&format!("NOVANTRA_OPENID_{name}"), &long).is_err(), "{name}");
        }
        let many = vec!["a"; MAX_VALUES + 1].join(",");
        assert!(with("NOVANTRA_OPENID_AMR", &many).is_err() && with("NOVANTRA_OPENID_AMR", &many[2..]).is_ok());
    }
}
