//! The selectors and the grouping of a PromQL query. It does not check the grammar; `promtool` does.

use std::collections::BTreeSet;

use regex::Regex;

use super::series::Series;

/// The words of the language that are neither functions nor metrics.
const OPERATORS: [&str; 7] = ["and", "or", "unless", "bool", "offset", "inf", "nan"];
/// The words before a list of labels in parentheses.
const GROUPINGS: [&str; 6] = ["by", "without", "on", "ignoring", "group_left", "group_right"];

/// The series that a query reads, and the labels by which it combines them.
#[derive(Debug, Default)]
pub(super) struct Query {
    pub(super) selectors: Vec<Selector>,
    /// The labels by which it aggregates or joins.
    pub(super) grouping: BTreeSet<String>,
    /// Whether it aggregates, after which series have only the labels of the grouping.
    aggregates: bool,
}

/// A selector of series.
#[derive(Debug)]
pub(super) struct Selector {
    name: String,
    matchers: Vec<Matcher>,
}

#[derive(Debug)]
struct Matcher {
    label: String,
    /// The pattern of the whole value.
    pattern: Regex,
    /// Whether it selects the values that the pattern does not match.
    negated: bool,
}

impl Query {
    /// Reads a query.
    ///
    /// # Errors
    /// If its parentheses are not balanced or its labels can't be read.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let tokens = Tokens::new(text)?;
        let mut query = Self::default();
        let mut index = 0;
        while let Some(token) = tokens.get(index) {
            let next = tokens.get(index + 1).unwrap_or_default();
            index += 1;
            if !is_word(token) || OPERATORS.contains(&token) {
                continue;
            }
            if GROUPINGS.contains(&token) {
                while let Some(label) = tokens.get(index).filter(|label| *label != ")") {
                    if is_word(label) {
                        query.grouping.insert(label.to_owned());
                    }
                    index += 1;
                }
            } else if next == "(" || GROUPINGS.contains(&next) {
                query.aggregates |= ["sum", "min", "max", "avg", "count"].contains(&token);
            } else {
                let mut selector = Selector { name: token.to_owned(), matchers: Vec::new() };
                if next == "{" {
                    index = selector.read_matchers(&tokens, index + 1)?;
                }
                query.selectors.push(selector);
            }
        }
        Ok(query)
    }

    /// The labels of the series that the query reads.
    pub(super) fn selected_labels(&self, series: &[Series]) -> BTreeSet<String> {
        let selected = series.iter().filter(|series| self.selectors.iter().any(|selector| selector.selects(series)));
        selected.flat_map(|series| series.labels.keys().cloned()).collect()
    }

    /// The labels of the series that the query returns.
    pub(super) fn result_labels(&self, series: &[Series]) -> BTreeSet<String> {
        if self.aggregates { self.grouping.clone() } else { self.selected_labels(series) }
    }
}

impl Selector {
    /// Reads matchers up to the closing brace; returns the index after it.
    fn read_matchers(&mut self, tokens: &Tokens, mut index: usize) -> Result<usize, String> {
        loop {
            match [0, 1, 2].map(|offset| tokens.get(index + offset).unwrap_or_default()) {
                ["}", ..] => return Ok(index + 1),
                [",", ..] => index += 1,
                [label, operator, value] if is_word(label) && value.starts_with('"') => {
                    self.matchers.push(Matcher::new(label, operator, value.trim_matches('"'))?);
                    index += 3;
                }
                other => return Err(format!("{other:?} is not a matcher of {}", self.name)),
            }
        }
    }

    /// Whether it selects this series.
    pub(super) fn selects(&self, series: &Series) -> bool {
        self.name == series.name && self.matchers.iter().all(|matcher| matcher.matches(series))
    }
}

impl Matcher {
    fn new(label: &str, operator: &str, value: &str) -> Result<Self, String> {
        let (pattern, negated) = match operator {
            "=" => (regex::escape(value), false),
            "!=" => (regex::escape(value), true),
            "=~" => (value.to_owned(), false),
            "!~" => (value.to_owned(), true),
            other => return Err(format!("{other} is not an operator of matchers")),
        };
        let pattern = Regex::new(&format!("^(?:{pattern})$")).map_err(|error| error.to_string())?;
        Ok(Self { label: label.to_owned(), pattern, negated })
    }

    /// Whether the series has the label, with a value that matches.
    fn matches(&self, series: &Series) -> bool {
        series.labels.get(&self.label).is_some_and(|value| self.pattern.is_match(value) != self.negated)
    }
}

struct Tokens(Vec<String>);

impl Tokens {
    fn new(text: &str) -> Result<Self, String> {
        let token = Regex::new(r#""[^"]*"|[a-zA-Z_:][\w:]*|[0-9][0-9a-z.]*|=~|!~|!=|==|>=|<=|[^\s]"#).unwrap();
        let tokens: Vec<String> = token.find_iter(text).map(|token| token.as_str().to_owned()).collect();
        for (open, close) in [("(", ")"), ("{", "}"), ("[", "]")] {
            let count = |bracket| tokens.iter().filter(|token| *token == bracket).count();
            if count(open) != count(close) {
                return Err(format!("the brackets {open}{close} are not balanced in {text}"));
            }
        }
        Ok(Self(tokens))
    }

    fn get(&self, index: usize) -> Option<&str> {
        self.0.get(index).map(String::as_str)
    }
}

fn is_word(token: &str) -> bool {
    token.starts_with(|character: char| character.is_ascii_alphabetic() || character == '_')
}

#[test]
fn selectors_and_labels_of_a_query_are_read() {
    let text = r#"sum by (route, le) (rate(a_bucket{status=~"5..",method!="GET"}[5m] offset 1h)) / on (route) b > 2e3"#;
    let query = Query::parse(text).unwrap();
    let names: Vec<_> = query.selectors.iter().map(|selector| selector.name.as_str()).collect();
    assert_eq!(names, ["a_bucket", "b"]);
    assert_eq!(query.grouping, ["le", "route"].map(str::to_owned).into());
    let series =
        super::series::parse("a_bucket{status=\"500\",method=\"PUT\"} 1\na_bucket{status=\"500\",method=\"GET\"} 1\n");
    let selected: Vec<_> = series.iter().map(|series| query.selectors[0].selects(series)).collect();
    assert_eq!(selected, [true, false, false]);
    assert!(Query::parse("sum(a").is_err());
    assert!(Query::parse("a{b}").is_err());
}
