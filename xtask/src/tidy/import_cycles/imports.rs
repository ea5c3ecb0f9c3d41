//! The paths by which one file names other modules of its crate.

use syn::{
    Attribute, File, Ident, Item, ItemUse, Path, UseTree, Visibility,
    visit::{self, Visit},
};

/// A path that a file names, in a `use` or in code.
pub(super) struct Import {
    pub(super) path: Vec<String>,
    pub(super) line: usize,
    /// The name under which other modules can use it, if the `use` has a visibility.
    pub(super) reexported_as: Option<String>,
}

/// Every path of the file outside its tests.
pub(super) fn imports(file: &File) -> Vec<Import> {
    let mut collector = Collector::default();
    collector.visit_file(file);
    collector.imports
}

#[derive(Default)]
struct Collector {
    imports: Vec<Import>,
}

impl<'ast> Visit<'ast> for Collector {
    fn visit_item(&mut self, item: &'ast Item) {
        let attributes = match item {
            Item::Fn(item) => &item.attrs,
            Item::Impl(item) => &item.attrs,
            Item::Mod(item) => &item.attrs,
            Item::Use(item) => &item.attrs,
            _ => return visit::visit_item(self, item),
        };
        if !attributes.iter().any(is_test_only) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        let is_reexport = !matches!(item.vis, Visibility::Inherited);
        self.add_use(&item.tree, &mut Vec::new(), item.use_token.span.start().line, is_reexport);
    }

    fn visit_path(&mut self, path: &'ast Path) {
        let segments: Vec<_> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if let [first, _, ..] = segments.as_slice()
            && matches!(first.as_str(), "crate" | "self" | "super")
        {
            let line = line_of(&path.segments[0].ident);
            self.imports.push(Import { path: segments, line, reexported_as: None });
        }
        visit::visit_path(self, path);
    }
}

impl Collector {
    fn add_use(&mut self, tree: &UseTree, prefix: &mut Vec<String>, line: usize, is_reexport: bool) {
        let (name, alias) = match tree {
            UseTree::Path(path) => {
                prefix.push(path.ident.to_string());
                self.add_use(&path.tree, prefix, line, is_reexport);
                prefix.pop();
                return;
            }
            UseTree::Group(group) => {
                for item in &group.items {
                    self.add_use(item, prefix, line, is_reexport);
                }
                return;
            }
            UseTree::Name(name) => (Some(name.ident.to_string()), name.ident.to_string()),
            UseTree::Rename(rename) => (Some(rename.ident.to_string()), rename.rename.to_string()),
            UseTree::Glob(_) => (None, String::new()),
        };
        let name = name.filter(|name| name != "self");
        let path: Vec<String> = prefix.iter().cloned().chain(name).collect();
        let reexported_as = if alias == "self" { prefix.last().cloned() } else { Some(alias) };
        let reexported_as = reexported_as.filter(|alias| is_reexport && !alias.is_empty());
        self.imports.push(Import { path, line, reexported_as });
    }
}

fn line_of(name: &Ident) -> usize {
    name.span().start().line
}

fn is_test_only(attribute: &Attribute) -> bool {
    let Ok(list) = attribute.meta.require_list() else { return false };
    list.path.is_ident("cfg") && list.tokens.to_string() == "test"
}
