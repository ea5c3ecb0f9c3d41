//! Resolution of the rule of a result (SARIF § 3.27.5 to 3.27.7): by index, by id, and in the tool's extensions.

use std::collections::HashMap;

use super::format::{Component, ComponentReference, Rule, ScanResult, Tool};

pub(super) struct Rules<'a> {
    driver: RuleIndex<'a>,
    extensions: Vec<RuleIndex<'a>>,
}

struct RuleIndex<'a> {
    component: &'a Component,
    by_id: HashMap<&'a str, &'a Rule>,
}

/// The resolved rule of a result, with the component that defines it.
#[derive(Clone, Copy)]
pub(super) struct ResolvedRule<'a> {
    pub(super) component: &'a Component,
    pub(super) rule: Option<&'a Rule>,
}

impl<'a> Rules<'a> {
    pub(super) fn new(tool: &'a Tool) -> Self {
        Self {
            driver: RuleIndex::new(&tool.driver),
            extensions: tool.extensions.iter().flatten().map(RuleIndex::new).collect(),
        }
    }

    pub(super) fn tool(&self) -> &'a str {
        &self.driver.component.name
    }

    pub(super) fn resolve(&self, result: &ScanResult) -> ResolvedRule<'a> {
        let reference = result.rule.as_ref();
        let id = stated_id(result);
        let index = reference.and_then(|rule| rule.index).or(result.rule_index);
        let component = reference.and_then(|rule| rule.tool_component.as_ref());
        let component_index =
            component.map_or(Some(&self.driver), |component| self.component(component)).unwrap_or(&self.driver);
        let found = |rule_index: &RuleIndex<'a>, index: Option<i64>| {
            rule_index.rule(id, index).map(|rule| ResolvedRule { component: rule_index.component, rule: Some(rule) })
        };
        found(component_index, index)
            .or_else(|| self.extensions.iter().find_map(|extension| found(extension, None)))
            .unwrap_or(ResolvedRule { component: component_index.component, rule: None })
    }

    fn component(&self, reference: &ComponentReference) -> Option<&RuleIndex<'a>> {
        let by_index = reference.index.and_then(|index| self.extensions.get(usize::try_from(index).ok()?));
        by_index.or_else(|| {
            self.extensions.iter().find(|extension| {
                let component = extension.component;
                let same_guid = reference.guid.is_some() && reference.guid == component.guid;
                same_guid || reference.name.as_ref() == Some(&component.name)
            })
        })
    }
}

impl<'a> RuleIndex<'a> {
    fn new(component: &'a Component) -> Self {
        let rules = component.rules.iter().flatten().rev();
        Self { component, by_id: rules.map(|rule| (rule.id.as_str(), rule)).collect() }
    }

    /// Returns the rule at the index, unless the result has the id of another; otherwise the rule with the id, or with
    /// a prefix of it that ends before a `/`: the rule of `CA1000/1` is `CA1000`.
    fn rule(&self, id: Option<&str>, index: Option<i64>) -> Option<&'a Rule> {
        let at_index = index.and_then(|index| self.component.rules.as_ref()?.get(usize::try_from(index).ok()?));
        let belongs = |rule: &Rule| id.is_none_or(|id| id_and_parents(id).any(|id| id == rule.id));
        at_index.filter(|rule| belongs(rule)).or_else(|| id_and_parents(id?).find_map(|id| self.by_id.get(id).copied()))
    }
}

/// The rule id that the result itself has.
pub(super) fn stated_id(result: &ScanResult) -> Option<&str> {
    let by_reference = result.rule.as_ref().and_then(|rule| rule.id.as_deref());
    result.rule_id.as_deref().or(by_reference).filter(|id| !id.trim().is_empty())
}

/// The id, followed by its prefixes without the last part, without the last two parts, and so on.
fn id_and_parents(id: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(id), |id| id.rsplit_once('/').map(|(parent, _)| parent))
}
