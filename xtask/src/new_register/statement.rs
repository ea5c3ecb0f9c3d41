//! The statement of a register's fields: its first text, and its columns as the migrations need them.

use syn::{
    Attribute, Field, Fields, GenericArgument, Item, ItemStruct, PathArguments, Type,
    parse::{Parse, ParseStream},
};

use super::Names;

/// A register as its statement describes it.
#[derive(Debug, PartialEq)]
pub(super) struct Register {
    pub(super) plural: String,
    pub(super) columns: Vec<Column>,
}

/// A column of its table.
#[derive(Debug, PartialEq)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) is_integer: bool,
    pub(super) is_nullable: bool,
    /// The column of the parent within which the key is unique, empty for the organization; `None` if this is no key.
    pub(super) key_within: Option<String>,
    /// How many records of an organization share a value, if lists are filtered by it through an index.
    pub(super) shared_by: Option<u32>,
    /// Whether lists can be filtered by it row by row.
    pub(super) is_checked: bool,
    /// Whether it is part of the identity of records without a key.
    pub(super) is_identity: bool,
}

/// The first text of a domain file, with the fields that most registers have.
pub(super) fn template(names: &Names) -> String {
    let Names { singular, plural, type_name, .. } = names;
    let (article, words, prefix) = (names.article(), names.words(), &singular[..singular.len().min(4)]);
    let inner_article = article.to_ascii_lowercase();
    let title = super::capitalized(&plural.replace('_', " "));
    format!(
        "//! {title}: say here what they are to an organization.

use kernel::{{Description, RecordKey, Reference, Title, VersionedSubjectGroup, record, string_enum}};

record! {{
    /// {article} {words}.
    #[record(kind = {type_name}, prefix = \"{prefix}\", plural = \"{plural}\")]
    pub struct {type_name} {{
        /// The key of the {words}, unique in the organization.
        #[column(label(\"{singular}_key\"), key, example(\"KEY-1\"))]
        pub key: RecordKey,
        /// The title of the {words}.
        #[column(title, example(\"A title\"))]
        pub title: Title,
        /// The description of the {words}.
        pub description: Description,
        /// The status of the {words}.
        #[column(filter(Many), example(\"active\"))]
        pub status: {type_name}Status,
        /// The thing that the {words} is about.
        #[column(examples([\"frameworks\", \"framework-node\", \"fnode_01KSFQEHQ80000000000000002\"]))]
        pub subject: Option<VersionedSubjectGroup>,
        /// The assignment of the responsibility that owns the {words}, in another system.
        pub owner_responsibility_assignment_id: Option<Reference>,
    }}
}}

string_enum! {{
    /// The status of {inner_article} {words}.
    {type_name}Status = Draft {{
        /// It is being written.
        Draft = \"draft\",
        /// It is in force.
        Active = \"active\",
        /// It is no longer in force.
        Retired = \"retired\",
    }}
}}
"
    )
}

/// Reads the columns from the `record!` of a domain file.
pub(super) fn read(text: &str) -> Result<Register, String> {
    let file = syn::parse_file(text).map_err(|error| error.to_string())?;
    let record = file.items.iter().find_map(|item| match item {
        Item::Macro(item) if item.mac.path.is_ident("record") => Some(item.mac.parse_body::<Statement>()),
        _ => None,
    });
    let Statement(record) = record.ok_or("it has no record! { … }")?.map_err(|error| error.to_string())?;
    let plural = marks(&record.attrs, "record").into_iter().find(|mark| mark.name == "plural");
    let plural = plural.and_then(|mark| mark.argument).ok_or("#[record(…)] has no plural")?;
    let Fields::Named(fields) = &record.fields else { return Err("the record has no named fields".to_owned()) };
    let mut columns = Vec::new();
    for field in &fields.named {
        columns.extend(columns_of(field)?);
    }
    Ok(Register { plural, columns })
}

/// The struct inside `record!`.
struct Statement(ItemStruct);

impl Parse for Statement {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        input.parse().map(Self)
    }
}

/// One mark of `#[column(…)]` or `#[record(…)]`.
struct Mark {
    name: String,
    /// The text in its argument, if there is one.
    argument: Option<String>,
    /// The selectivity in its argument, as the number of records that share a value.
    shared_by: Option<u32>,
    /// Whether its argument is the selectivity of a column without an index.
    is_unindexed: bool,
}

fn marks(attributes: &[Attribute], name: &str) -> Vec<Mark> {
    let lists = attributes.iter().filter(|attribute| attribute.path().is_ident(name));
    let tokens = lists.filter_map(|attribute| Some(attribute.meta.require_list().ok()?.tokens.to_string()));
    tokens.flat_map(|tokens| split_marks(&tokens)).collect()
}

/// Splits `label ("a"), key, plural = "b"` at the commas outside parentheses, brackets and texts.
fn split_marks(tokens: &str) -> Vec<Mark> {
    let mut parts = vec![String::new()];
    let (mut depth, mut in_text) = (0, false);
    for character in tokens.chars() {
        match character {
            '"' => in_text = !in_text,
            '(' | '[' if !in_text => depth += 1,
            ')' | ']' if !in_text => depth -= 1,
            ',' if depth == 0 && !in_text => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(part) = parts.last_mut() {
            part.push(character);
        }
    }
    let mark = |part: String| {
        let name: String = part.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        let selectivity = ["One", "Few", "Many"].into_iter().zip([1, 5, 300]);
        let words: Vec<&str> = part.split(|c: char| !c.is_alphanumeric()).collect();
        let shared_by = selectivity.into_iter().find(|(name, _)| words.contains(name)).map(|(_, count)| count);
        let is_unindexed = words.contains(&"Unindexed");
        Mark { name, argument: part.split('"').nth(1).map(str::to_owned), shared_by, is_unindexed }
    };
    parts.into_iter().filter(|part| !part.trim().is_empty()).map(mark).collect()
}

fn columns_of(field: &Field) -> Result<Vec<Column>, String> {
    let name = field.ident.as_ref().map(ToString::to_string).unwrap_or_default();
    let marks = marks(&field.attrs, "column");
    let (type_name, is_nullable) = type_name(&field.ty).ok_or_else(|| format!("the type of {name} is no path"))?;
    let column = |name: &str| Column {
        name: name.to_owned(),
        is_integer: matches!(type_name.as_str(), "i64" | "Timestamp"),
        is_nullable,
        key_within: None,
        shared_by: None,
        is_checked: false,
        is_identity: marks.iter().any(|mark| mark.name == "identity"),
    };
    let mut columns: Vec<Column> = match type_name.as_str() {
        "SubjectGroup" => SUBJECT[..3].iter().map(|name| column(name)).collect(),
        "VersionedSubjectGroup" => SUBJECT.iter().map(|name| column(name)).collect(),
        _ => vec![column(&name)],
    };
    for mark in marks {
        let target = match &mark.argument {
            Some(name) if mark.name == "filter_on" => columns.iter_mut().find(|column| column.name == *name),
            _ => columns.first_mut(),
        };
        let Some(column) = target else { continue };
        match mark.name.as_str() {
            "key" => column.key_within = Some(String::new()),
            "key_within" => column.key_within = mark.argument,
            "filter" | "filter_on" => {
                column.shared_by = mark.shared_by;
                column.is_checked = mark.is_unindexed;
            }
            "at_least" => column.is_checked = true,
            _ => {}
        }
    }
    Ok(columns)
}

const SUBJECT: [&str; 4] = ["subject_module_key", "subject_resource_type", "subject_resource_id", "subject_version_id"];

/// The name of the type, that inside an `Option`, and whether it is one.
fn type_name(field_type: &Type) -> Option<(String, bool)> {
    let Type::Path(path) = field_type else { return None };
    let last = path.path.segments.last()?;
    if last.ident != "Option" {
        return Some((last.ident.to_string(), false));
    }
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    let Some(GenericArgument::Type(inner)) = arguments.args.first() else { return None };
    type_name(inner).map(|(name, _)| (name, true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_of_a_statement_are_read_with_their_marks() {
        let text = r#"
            record! {
                /// A measurement, for tests.
                #[record(kind = Measurement, prefix = "indm", plural = "measurements")]
                pub struct Measurement {
                    /// The indicator.
                    #[column(filter(Few), required, example("a, (Many"))]
                    pub indicator_id: Id<Indicator>,
                    #[column(label("measurement_key"), key_within("indicator_id"))]
                    pub key: RecordKey,
                    #[column(filter(Unindexed))]
                    pub unit: Title,
                    #[column(filter_on("subject_resource_id", Many))]
                    pub subject: Option<VersionedSubjectGroup>,
                    #[column(at_least("since"))]
                    pub measured_at: Option<Timestamp>,
                }
            }"#;
        let register = read(text).unwrap();
        assert_eq!(register.plural, "measurements");
        let shown: Vec<String> = register
            .columns
            .iter()
            .map(|column| {
                let Column { name, is_integer, is_nullable, key_within, shared_by, is_checked, .. } = column;
                format!("{name} {is_integer} {is_nullable} {key_within:?} {shared_by:?} {is_checked}")
            })
            .collect();
        assert_eq!(
            shown,
            [
                "indicator_id false false None Some(5) false",
                "key false false Some(\"indicator_id\") None false",
                "unit false false None None true",
                "subject_module_key false true None None false",
                "subject_resource_type false true None None false",
                "subject_resource_id false true None Some(300) false",
                "subject_version_id false true None None false",
                "measured_at true true None None true",
            ]
        );
    }

    #[test]
    fn the_template_is_a_statement() {
        let names = Names::parse(&["obligation".to_owned()]).unwrap();
        let text = template(&names);
        assert!(text.starts_with("//! Obligations: ") && text.contains("    /// An obligation.\n"));
        assert!(text.contains("    /// The status of an obligation.\n"));
        let register = read(&text).unwrap();
        let columns: Vec<&str> = register.columns.iter().map(|column| column.name.as_str()).collect();
        let (first, last) = (["key", "title", "description", "status"], "owner_responsibility_assignment_id");
        assert_eq!(register.plural, "obligations");
        assert!(columns.starts_with(&first) && columns.ends_with(&[last]) && columns.len() == 9, "{columns:?}");
    }
}
