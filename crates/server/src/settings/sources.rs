//! The sources of settings: flags override environment variables, which override the file. Unknown names are errors.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use crate::settings::{Setting, TABLE};

/// The settings file that is read in the current folder, if no other one is named.
pub(crate) const SETTINGS_FILE: &str = "novantra.toml";

/// The raw value of a setting with its origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RawSetting {
    pub(crate) value: String,
    pub(crate) origin: Origin,
}

/// The origin of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Flag(String),
    Variable(String),
    File(PathBuf, String),
    /// The content of a file that a `…_FILE` variable, a `--…-file` flag or a `…_file` name refers to.
    ContentOf(PathBuf),
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "--{flag}"),
            Self::Variable(variable) => f.write_str(variable),
            Self::File(file, key) => write!(f, "{key} in {}", file.display()),
            Self::ContentOf(file) => write!(f, "the content of {}", file.display()),
            Self::Default => f.write_str("the default"),
        }
    }
}

/// The sources of all values, before parsing.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    /// The flags, by their name without the leading dashes.
    pub(crate) flags: BTreeMap<String, String>,
    /// The process's environment.
    pub(crate) environment: Vec<(String, String)>,
    /// The settings file and its text.
    pub(crate) file: Option<(PathBuf, String)>,
}

impl Sources {
    /// Collects the flags and the environment of this process, and reads the settings file that `config` or
    /// `NOVANTRA_CONFIG` names, otherwise `novantra.toml` in the current folder, if it exists.
    ///
    /// # Errors
    /// If the settings file can't be read.
    pub(crate) fn from_process(flags: BTreeMap<String, String>, config: Option<PathBuf>) -> Result<Self, String> {
        let environment: Vec<(String, String)> = std::env::vars_os()
            .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
            .collect();
        let named = config.or_else(|| std::env::var_os(CONFIG_VARIABLE).map(PathBuf::from));
        let path = named.clone().unwrap_or_else(|| PathBuf::from(SETTINGS_FILE));
        let file = match std::fs::read_to_string(&path) {
            Ok(text) => Some((path, text)),
            Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(format!("can't read the settings file {}: {error}", path.display())),
        };
        Ok(Self { flags, environment, file })
    }
}

/// Collects the raw value of each setting by name. Settings without a value are left out.
///
/// # Errors
/// All errors, each with its origin.
pub(crate) fn collect(sources: &Sources) -> Result<BTreeMap<&'static str, RawSetting>, Vec<String>> {
    let mut errors = Vec::new();
    let mut values = BTreeMap::new();
    if let Some((path, text)) = &sources.file {
        read_file(path, text, &mut values, &mut errors);
    }
    read_environment(&sources.environment, &mut values, &mut errors);
    for setting in TABLE {
        let name = setting.flag();
        let direct = sources.flags.get(&name).map(|value| (Origin::Flag(name.clone()), value.as_str()));
        let file = sources.flags.get(&format!("{name}-file")).filter(|_| setting.secret);
        insert(setting, direct, file.map(String::as_str), &mut values, &mut errors);
    }
    if errors.is_empty() { Ok(values) } else { Err(errors) }
}

/// Inserts the value of a setting, which is either `direct` or the content of `file`.
fn insert(
    setting: &'static Setting,
    direct: Option<(Origin, &str)>,
    file: Option<&str>,
    values: &mut BTreeMap<&'static str, RawSetting>,
    errors: &mut Vec<String>,
) {
    match (direct, file) {
        (Some((origin, _)), Some(_)) => {
            errors.push(format!("{origin} is given both as a value and as a file; remove one of them"));
        }
        (Some((origin, value)), None) => {
            values.insert(setting.name, RawSetting { value: value.to_owned(), origin });
        }
        (None, Some(path)) => match std::fs::read_to_string(path) {
            Ok(text) => {
                let value = text.trim_end_matches(['\n', '\r']).to_owned();
                values.insert(setting.name, RawSetting { value, origin: Origin::ContentOf(path.into()) });
            }
            Err(error) => {
                errors.push(format!("can't read {path}, the file with the value of {}: {error}", setting.name));
            }
        },
        (None, None) => {}
    }
}

fn read_environment(
    environment: &[(String, String)],
    values: &mut BTreeMap<&'static str, RawSetting>,
    errors: &mut Vec<String>,
) {
    let variables: BTreeMap<&str, &str> = environment
        .iter()
        .filter(|(name, _)| name.starts_with("NOVANTRA_") && !name.starts_with("NOVANTRA_TEST_"))
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let mut names: Vec<String> = OTHER_VARIABLES.map(str::to_owned).into();
    for setting in TABLE {
        let name = setting.variable();
        let file_name = format!("{name}_FILE");
        let direct = variables.get(name.as_str()).map(|value| (Origin::Variable(name.clone()), *value));
        let file = variables.get(file_name.as_str()).filter(|_| setting.secret).copied();
        insert(setting, direct, file, values, errors);
        names.push(name);
        if setting.secret {
            names.push(file_name);
        }
    }
    let unknown = variables.keys().filter(|variable| !names.iter().any(|name| name == *variable));
    errors.extend(unknown.map(|name| format!("{name} in the environment is not a setting")));
}

/// The variable that names the settings file.
pub(crate) const CONFIG_VARIABLE: &str = "NOVANTRA_CONFIG";

/// The variables with the credentials of commands that call a server. They are not settings, because they belong to a
/// service account and not to the installation.
pub(crate) const CLIENT_ID_VARIABLE: &str = "NOVANTRA_CLIENT_ID";
pub(crate) const CLIENT_SECRET_VARIABLE: &str = "NOVANTRA_CLIENT_SECRET";
pub(crate) const CLIENT_SECRET_FILE_VARIABLE: &str = "NOVANTRA_CLIENT_SECRET_FILE";

/// The variables that are not settings.
const OTHER_VARIABLES: [&str; 4] =
    [CONFIG_VARIABLE, CLIENT_ID_VARIABLE, CLIENT_SECRET_VARIABLE, CLIENT_SECRET_FILE_VARIABLE];

fn read_file(path: &Path, text: &str, values: &mut BTreeMap<&'static str, RawSetting>, errors: &mut Vec<String>) {
    let table = match text.parse::<toml::Table>() {
        Ok(table) => table,
        Err(error) => {
            let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
            errors.push(format!("{} line {line}: {}", path.display(), error.message()));
            return;
        }
    };
    let mut entries = Vec::new();
    flatten("", table, &mut entries);
    for (key, value) in entries {
        // A table's name is a prefix of the names in it: `[audit] reads` is `audit_reads`.
        let name = key.replace('.', "_");
        let (setting, is_file) = match TABLE.iter().find(|setting| setting.name == name) {
            Some(setting) => (*setting, false),
            None => match TABLE.iter().find(|setting| setting.secret && format!("{}_file", setting.name) == name) {
                Some(setting) => (*setting, true),
                None => {
                    errors.push(format!("{key} in {} is not a setting", path.display()));
                    continue;
                }
            },
        };
        let text = match value {
            toml::Value::String(text) => text,
            toml::Value::Integer(number) => number.to_string(),
            toml::Value::Boolean(value) => value.to_string(),
            toml::Value::Array(items) if setting.list && items.iter().all(toml::Value::is_str) => {
                items.iter().filter_map(toml::Value::as_str).collect::<Vec<_>>().join(",")
            }
            other => {
                errors.push(format!("{key} in {} is a {}, not a string or number", path.display(), other.type_str()));
                continue;
            }
        };
        let origin = Origin::File(path.to_owned(), key);
        let (direct, file) = if is_file { (None, Some(text.as_str())) } else { (Some((origin, text.as_str())), None) };
        insert(setting, direct, file, values, errors);
    }
}

fn flatten(prefix: &str, table: toml::Table, into: &mut Vec<(String, toml::Value)>) {
    for (key, value) in table {
        let key = if prefix.is_empty() { key } else { format!("{prefix}.{key}") };
        match value {
            toml::Value::Table(inner) => flatten(&key, inner, into),
            value => into.push((key, value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(flags: &[(&str, &str)], environment: &[(&str, &str)], file: Option<&str>) -> Sources {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Sources {
            flags: flags.iter().map(owned).collect(),
            environment: environment.iter().map(owned).collect(),
            file: file.map(|text| (PathBuf::from("novantra.toml"), text.to_owned())),
        }
    }

    fn value(sources: &Sources, name: &str) -> Option<String> {
        collect(sources).unwrap().get(name).map(|raw| raw.value.clone())
    }

    #[test]
    fn a_flag_overrides_the_environment_which_overrides_the_file() {
        let file = Some("token_lifetime = \"100s\"");
        let environment = &[("NOVANTRA_TOKEN_LIFETIME", "200s")];
        let flags = &[("token-lifetime", "300s")];
        let read = |sources| value(&sources, "token_lifetime");
        assert_eq!(read(sources(flags, environment, file)).as_deref(), Some("300s"));
        assert_eq!(read(sources(&[], environment, file)).as_deref(), Some("200s"));
        assert_eq!(read(sources(&[], &[], file)).as_deref(), Some("100s"));
        assert_eq!(read(sources(&[], &[], None)), None);
    }

    #[test]
    fn the_name_of_a_table_is_a_prefix_of_the_names_in_it() {
        let file = "audit.reads = \"buffered\"\n[rate_limit]\ntoken_read = 5\n";
        let sources = sources(&[], &[], Some(file));
        assert_eq!(value(&sources, "audit_reads").as_deref(), Some("buffered"));
        assert_eq!(value(&sources, "rate_limit_token_read").as_deref(), Some("5"));
    }

    #[test]
    fn only_a_setting_with_several_values_may_be_an_array_in_the_file() {
        let file = |text| sources(&[], &[], Some(text));
        let several = file("trusted_proxy = [\"10.0.0.0/8\", \"192.0.2.1\"]");
        assert_eq!(value(&several, "trusted_proxy").as_deref(), Some("10.0.0.0/8,192.0.2.1"));
        assert!(collect(&file("trusted_proxy = [1]")).is_err());
        assert!(collect(&file("listen = [\"127.0.0.1:1\"]")).is_err());
    }

    #[test]
    fn an_unknown_setting_is_an_error_with_its_origin() {
        let errors = collect(&sources(&[], &[("NOVANTRA_LISTN", "x")], Some("tokn = 1"))).unwrap_err();
        assert_eq!(
            errors,
            ["tokn in novantra.toml is not a setting", "NOVANTRA_LISTN in the environment is not a setting"]
        );
    }

    #[test]
    fn variables_of_tests_and_of_other_programs_are_ignored() {
        assert!(collect(&sources(&[], &[("NOVANTRA_TEST_DATA", "x"), ("PATH", "/bin")], None)).is_ok());
    }

    #[test]
    fn a_secret_is_given_as_a_value_or_as_a_file_but_not_both() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("url");
        std::fs::write(&path, "postgres://somebody@host/base\n").unwrap();
        let path = path.to_str().unwrap();
        let file = ("NOVANTRA_DATABASE_URL_FILE", path);
        assert_eq!(
            value(&sources(&[], &[file], None), "database_url").as_deref(),
            Some("postgres://somebody@host/base")
        );
        assert!(collect(&sources(&[], &[file, ("NOVANTRA_DATABASE_URL", "memory:")], None)).is_err());
        assert!(
            collect(&sources(&[], &[("NOVANTRA_LISTEN_FILE", path)], None)).is_err(),
            "only secrets can be read from files"
        );
    }

    #[test]
    fn an_invalid_file_is_reported_with_its_line() {
        let errors = collect(&sources(&[], &[], Some("listen = \"x\"\nlisten : 3"))).unwrap_err();
        assert!(errors[0].starts_with("novantra.toml line 2: "), "{errors:?}");
    }
}
