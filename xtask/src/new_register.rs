//! `cargo xtask new-register NAME [PLURAL] [/PATH]`: scaffolds a register.
//!
//! The first run writes the domain file, with the fields that most registers have, and the lines of the lists. Once the
//! fields are edited, the second run writes both migrations from them. A migration that is committed is never written
//! again: it may be released.

mod endpoint;
mod lists;
mod migration;
mod statement;

use std::{fs, path::Path};

use crate::{
    Outcome,
    process::{cargo, run, succeeds},
    root,
};

/// The names of a register in their different spellings.
struct Names {
    /// `obligation`: its kind in the audit log and its file.
    singular: String,
    /// `obligations`: its table, and its collection in the API.
    plural: String,
    /// `Obligation`: its type.
    type_name: String,
    /// `/api/v1/governance/obligations`: the path of its list.
    path: String,
}

pub(crate) fn new_register(arguments: &[String]) -> Outcome {
    let names = Names::parse(arguments)?;
    let path = root().join(names.domain_file());
    if !path.exists() {
        let endpoint = endpoint::of(&names)?;
        let edits = lists::additions(&names, &endpoint)?;
        write(&path, &statement::template(&names))?;
        lists::write(&edits)?;
        run(&mut cargo(["fmt", "--all"]))?;
        println!("wrote   {}", names.domain_file());
        for edit in &edits {
            println!("changed {}", edit.file);
        }
        println!();
        println!(
            "The register is served at {} under the tag {:?} with the scope {}.",
            names.path, endpoint.tag, endpoint.scope
        );
        println!("Edit {}: its description, prefix, fields, examples and statuses.", names.domain_file());
        println!("Then run the same command again: it writes the migrations.");
        return Ok(());
    }
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let register = statement::read(&text).map_err(|error| format!("{}: {error}", names.domain_file()))?;
    let number = migration::number(&register)?;
    for engine in migration::ENGINES {
        let file = format!("migrations/{}/{number:04}_{}.sql", engine.folder, register.plural);
        if is_committed(&file) {
            return Err(format!(
                "{file} is committed, so it is not written again: add a migration that changes the table"
            ));
        }
        write(&root().join(&file), &migration::text(&register, engine))?;
        println!("wrote   {file}");
    }
    let edit = lists::migration(&register.plural, number)?;
    println!("changed {}", edit.file);
    lists::write(&[edit])?;
    println!();
    println!("Check the migrations, then run: cargo xtask documents && cargo xtask test");
    Ok(())
}

impl Names {
    fn parse(arguments: &[String]) -> Outcome<Self> {
        let (paths, names): (Vec<&String>, Vec<&String>) =
            arguments.iter().partition(|argument| argument.starts_with('/'));
        let [singular, plural @ ..] = names.as_slice() else {
            return Err(
                "name the register in the singular, for example: cargo xtask new-register obligation".to_owned()
            );
        };
        let is_name = |name: &String| {
            name.starts_with(|c: char| c.is_ascii_lowercase())
                && name.chars().all(|c| c.is_ascii_lowercase() || c == '_')
        };
        let plural = match plural {
            [] => plural_of(singular),
            [plural] => (*plural).clone(),
            _ => return Err("a register has a singular and a plural name".to_owned()),
        };
        if !is_name(singular) || !is_name(&plural) {
            return Err("a name has lower-case letters and underscores: change_request".to_owned());
        }
        let path = match paths.as_slice() {
            [] => format!("/api/v1/governance/{}", plural.replace('_', "-")),
            [path] => format!("/api/v1/{}", path.trim_start_matches("/api/v1").trim_matches('/')),
            _ => return Err("a register has one path".to_owned()),
        };
        let type_name = singular.split('_').map(capitalized).collect();
        Ok(Self { singular: (*singular).clone(), plural, type_name, path })
    }

    fn domain_file(&self) -> String {
        format!("crates/registers/src/{}.rs", self.singular)
    }

    /// `A` or `An`
    fn article(&self) -> &'static str {
        if self.singular.starts_with(['a', 'e', 'i', 'o', 'u']) { "An" } else { "A" }
    }

    /// `change request`
    fn words(&self) -> String {
        self.singular.replace('_', " ")
    }
}

fn plural_of(singular: &str) -> String {
    match singular.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{stem}ies"),
        _ if singular.ends_with(['s', 'x']) || singular.ends_with("ch") || singular.ends_with("sh") => {
            format!("{singular}es")
        }
        _ => format!("{singular}s"),
    }
}

fn capitalized(word: &str) -> String {
    let mut characters = word.chars();
    characters.next().map(|first| first.to_ascii_uppercase().to_string() + characters.as_str()).unwrap_or_default()
}

fn write(path: &Path, text: &str) -> Outcome {
    fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}

fn is_committed(file: &str) -> bool {
    succeeds(std::process::Command::new("git").args(["cat-file", "-e", &format!("HEAD:{file}")]).current_dir(root()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(arguments: &[&str]) -> Outcome<[String; 3]> {
        let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        Names::parse(&arguments).map(|names| [names.type_name, names.plural, names.path])
    }

    #[test]
    fn a_register_has_a_type_name_a_plural_and_a_path() {
        let expected = |names: [&str; 3]| Ok(names.map(str::to_owned));
        assert_eq!(names(&["risk"]), expected(["Risk", "risks", "/api/v1/governance/risks"]));
        assert_eq!(
            names(&["due_diligence_review", "/party-engagements/due-diligence-reviews"]),
            expected([
                "DueDiligenceReview",
                "due_diligence_reviews",
                "/api/v1/party-engagements/due-diligence-reviews"
            ])
        );
        assert_eq!(
            names(&["vulnerability", "/api/v1/vulnerabilities"]),
            expected(["Vulnerability", "vulnerabilities", "/api/v1/vulnerabilities"])
        );
        assert_eq!(names(&["datum", "data"]), expected(["Datum", "data", "/api/v1/governance/data"]));
        for bad in [&[][..], &["Risk"], &["risk-item"], &["risk", "risks", "more"], &["_"], &["risk", "/a", "/b"]] {
            assert!(names(bad).is_err(), "{bad:?}");
        }
    }
}
