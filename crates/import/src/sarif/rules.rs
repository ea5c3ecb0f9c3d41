//! The rules of a tool and its extensions, and the rule of a result (SARIF § 3.27.5 to 3.27.7).

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use super::{
    links::without_links,
    object::{Object, is_blank},
    severity::{Level, level, security_severity},
};
use crate::shorten;

/// The name of a tool that has none.
const UNKNOWN_TOOL: &str = "unknown";

/// A rule, with the members that are used.
#[derive(Default)]
pub(super) struct Rule {
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
    pub(super) short_description: Option<String>,
    /// The help and the full description, as far as they are not blank, as they are added to a description.
    pub(super) additions: Vec<Arc<str>>,
    pub(super) messages: BTreeMap<String, String>,
    pub(super) level: Option<Level>,
    pub(super) security_severity: Option<f64>,
}

/// The rules of a tool and its extensions.
pub(super) struct Rules {
    /// The driver, followed by the extensions.
    components: Vec<Component>,
    names: HashMap<String, usize>,
}

struct Component {
    name: Option<String>,
    guid: Option<String>,
    rules: Vec<Rule>,
    messages: BTreeMap<String, String>,
    by_id: HashMap<String, usize>,
}

/// The rule of a result, resolved.
pub(super) struct ResolvedRule<'a> {
    /// The id that the result gives, otherwise that of the rule.
    pub(super) id: Option<String>,
    pub(super) rule: Option<&'a Rule>,
    /// Whether the index that the reference gives is beyond the rules.
    pub(super) is_index_of_none: bool,
    component: &'a Component,
}

impl Rules {
    /// Reads the rules of the run's tool.
    pub(super) fn read(run: &Object<'_>) -> Self {
        let tool = run.object("tool");
        let driver = tool.as_ref().and_then(|tool| tool.object("driver"));
        let mut components = vec![Component::read(driver.as_ref())];
        let missing = || format!("is missing; the tool is called {UNKNOWN_TOOL}");
        match (&tool, &driver) {
            (None, _) if run.member("tool").is_none() => run.repair("tool", missing),
            (Some(tool), None) if tool.member("driver").is_none() => tool.repair("driver", missing),
            (_, Some(driver)) if components.iter().all(|component| component.name.is_none()) => {
                driver.repair("name", missing);
            }
            _ => {}
        }
        let extensions = tool.as_ref().map(|tool| tool.objects("extensions")).unwrap_or_default();
        components.extend(extensions.iter().map(|extension| Component::read(extension.as_ref())));
        let mut names = HashMap::new();
        for name in components.iter().flat_map(|component| &component.rules).filter_map(|rule| rule.name.as_ref()) {
            *names.entry(name.clone()).or_insert(0) += 1;
        }
        Self { components, names }
    }

    pub(super) fn tool(&self) -> &str {
        self.components.first().and_then(|driver| driver.name.as_deref()).unwrap_or(UNKNOWN_TOOL)
    }

    pub(super) fn has_tool_name(&self) -> bool {
        self.components.first().is_some_and(|driver| driver.name.is_some())
    }

    /// Whether several rules have this name.
    pub(super) fn is_shared(&self, name: &str) -> bool {
        self.names.get(name).is_some_and(|count| *count > 1)
    }

    /// Resolves a reference by `id` and `index`: those of a result, or of an element of `ruleConfigurationOverrides`.
    /// The index counts unless the rule there has another id; an id also finds the rule of a prefix of it that ends
    /// before a `/`: the rule of `CA1000/1` is `CA1000`.
    pub(super) fn resolve(
        &self,
        id: Option<String>,
        index: Option<usize>,
        component: Option<&Object<'_>>,
    ) -> Option<ResolvedRule<'_>> {
        let driver = self.components.first()?;
        let referred = component.and_then(|reference| self.component(reference)).unwrap_or(driver);
        let found = |component: &'_ Component, index| component.rule(id.as_deref(), index);
        let (component, rule) = found(referred, index)
            .map(|rule| (referred, rule))
            .or_else(|| self.components.iter().find_map(|component| Some((component, found(component, None)?))))
            .map_or((referred, None), |(component, at)| (component, component.rules.get(at)));
        let id = id.or_else(|| rule?.id.clone());
        let is_index_of_none = index.is_some_and(|index| index >= referred.rules.len());
        Some(ResolvedRule { id, rule, component, is_index_of_none })
    }

    fn component(&self, reference: &Object<'_>) -> Option<&Component> {
        if let Some(index) = reference.index("index") {
            let component = self.components.get(1 + index);
            if component.is_none() {
                reference.repair_index("index", index, "extensions");
            }
            return component;
        }
        let (guid, name) = (reference.text("guid"), reference.text("name"));
        self.components
            .iter()
            .find(|component| (guid.is_some() && component.guid == guid) || (name.is_some() && component.name == name))
    }
}

impl Component {
    fn read(component: Option<&Object<'_>>) -> Self {
        let Some(component) = component else {
            return Self {
                name: None,
                guid: None,
                rules: Vec::new(),
                messages: BTreeMap::new(),
                by_id: HashMap::new(),
            };
        };
        let name = component.nonblank_text("name");
        let rules: Vec<Rule> = component.objects("rules").iter().map(Rule::read).collect();
        // The first of several rules with one id counts.
        let with_index = rules.iter().enumerate().rev();
        let by_id = with_index.filter_map(|(index, rule)| Some((rule.id.clone()?, index))).collect();
        Self { name, guid: component.text("guid"), by_id, rules, messages: messages(component, "globalMessageStrings") }
    }

    fn rule(&self, id: Option<&str>, index: Option<usize>) -> Option<usize> {
        let belongs = |rule: &Rule| id.is_none_or(|id| id_and_parents(id).any(|id| rule.id.as_deref() == Some(id)));
        let at_index = index.filter(|index| self.rules.get(*index).is_some_and(belongs));
        at_index.or_else(|| id_and_parents(id?).find_map(|id| self.by_id.get(id).copied()))
    }
}

impl Rule {
    fn read(rule: &Option<Object<'_>>) -> Self {
        let Some(rule) = rule else { return Self::default() };
        let id = rule.nonblank_text("id");
        if id.is_none() {
            rule.repair("id", || "is missing; only the index of the rule refers to it".to_owned());
        }
        Self {
            id,
            name: rule.nonblank_text("name"),
            short_description: rule.message_text("shortDescription"),
            additions: ["help", "fullDescription"].into_iter().filter_map(|name| addition(rule, name)).collect(),
            messages: messages(rule, "messageStrings"),
            level: rule.object("defaultConfiguration").and_then(|configuration| level(&configuration)),
            security_severity: security_severity(rule),
        }
    }
}

fn addition(rule: &Object<'_>, name: &str) -> Option<Arc<str>> {
    let text = shorten::clean_description(&without_links(&rule.message_text(name)?));
    Some(text.into()).filter(|text: &Arc<str>| !is_blank(text))
}

fn messages(object: &Object<'_>, name: &str) -> BTreeMap<String, String> {
    let Some(strings) = object.object(name) else { return BTreeMap::new() };
    strings.names().filter_map(|id| Some((id.to_owned(), strings.message_text(id)?))).collect()
}

impl ResolvedRule<'_> {
    /// The template of a message, which the rule or its component has.
    pub(super) fn template(&self, id: &str) -> Option<&str> {
        let of_rule = self.rule.and_then(|rule| rule.messages.get(id));
        of_rule.or_else(|| self.component.messages.get(id)).map(String::as_str)
    }

    /// Whether both are the same rule.
    pub(super) fn is_same(&self, other: &ResolvedRule<'_>) -> bool {
        match (self.rule, other.rule) {
            (Some(rule), Some(other)) => std::ptr::eq(rule, other),
            (None, None) => self.id.is_some() && self.id == other.id,
            _ => false,
        }
    }
}

/// The id that a result or another reference to a rule gives.
pub(super) fn stated_id(ids: impl IntoIterator<Item = Option<String>>) -> Option<String> {
    ids.into_iter().flatten().find(|id| !is_blank(id))
}

/// The id, followed by its prefixes without the last part, without the last two parts, and so on.
fn id_and_parents(id: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(id), |id| id.rsplit_once('/').map(|(parent, _)| parent))
}
