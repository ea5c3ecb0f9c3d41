//! `cargo xtask new-register NAME [PLURAL]`: scaffolds a register.
//!
//! The first run writes the domain file, with the fields that most registers have, and the lines of the lists. Once the
//! fields are edited, the second run writes both migrations from them. A migration that is committed is never written
//! again: it may be released.

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
}

pub(crate) fn new_register(arguments: &[String]) -> Outcome {
    let names = Names::parse(arguments)?;
    let path = root().join(names.domain_file());
    if !path.exists() {
        write(&path, &statement::template(&names))?;
        lists::add(&names)?;
        println!("wrote {} and its lines in the lists", names.domain_file());
        println!("edit its fields, then run the same command again for the migrations");
        return run(&mut cargo(["fmt", "--all"]));
    }
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let register = statement::read(&text).map_err(|error| format!("{}: {error}", names.domain_file()))?;
    let number = migration::number(&names)?;
    for engine in migration::ENGINES {
        let file = format!("migrations/{}/{number:04}_{}.sql", engine.folder, names.plural);
        if is_committed(&file) {
            return Err(format!(
                "{file} is committed, so it is not written again: add a migration that changes the table"
            ));
        }
        write(&root().join(&file), &migration::text(&register, engine))?;
        println!("wrote {file}");
    }
    lists::add_migration(&names, number)
}

impl Names {
    fn parse(arguments: &[String]) -> Outcome<Self> {
        let [singular, rest @ ..] = arguments else {
            return Err(
                "name the register in the singular, for example: cargo xtask new-register obligation".to_owned()
            );
        };
        let is_name = |name: &String| {
            name.starts_with(|c: char| c.is_ascii_lowercase())
                && name.chars().all(|c| c.is_ascii_lowercase() || c == '_')
        };
        let plural = match rest {
            [] => format!("{singular}s"),
            [plural] => plural.clone(),
            _ => return Err("a register has a singular and a plural name".to_owned()),
        };
        if !is_name(singular) || !is_name(&plural) {
            return Err("a name has lower-case letters and underscores: change_request".to_owned());
        }
        let type_name = singular.split('_').map(capitalized).collect();
        Ok(Self { singular: singular.clone(), plural, type_name })
    }

    fn domain_file(&self) -> String {
        format!("crates/registers/src/{}.rs", self.singular)
    }

    /// `change request`
    fn words(&self) -> String {
        self.singular.replace('_', " ")
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

    fn names(arguments: &[&str]) -> Outcome<(String, String)> {
        let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        Names::parse(&arguments).map(|names| (names.type_name, names.plural))
    }

    #[test]
    fn a_register_has_a_type_name_and_a_plural() {
        let pair = |one: &str, other: &str| Ok((one.to_owned(), other.to_owned()));
        assert_eq!(names(&["obligation"]), pair("Obligation", "obligations"));
        assert_eq!(names(&["due_diligence_review"]), pair("DueDiligenceReview", "due_diligence_reviews"));
        assert_eq!(names(&["vulnerability", "vulnerabilities"]), pair("Vulnerability", "vulnerabilities"));
        for bad in [&[][..], &["Risk"], &["risk-item"], &["risk", "risks", "more"], &["_"]] {
            assert!(names(bad).is_err(), "{bad:?}");
        }
    }
}
