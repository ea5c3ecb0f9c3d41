//! The modules of a crate, with what they re-export.

use std::collections::BTreeMap;

use super::{
    super::tree::Tree,
    imports::{Import, imports},
};

/// The names of a module and of those above it, from the crate's root, which itself is the empty path.
pub(super) type ModulePath = Vec<String>;

/// The maximum number of re-exports that a name is followed through.
const MAX_REEXPORTS: usize = 8;

pub(super) struct Crate<'t> {
    pub(super) name: &'t str,
    modules: BTreeMap<ModulePath, Module<'t>>,
}

struct Module<'t> {
    /// The path of its file.
    path: &'t str,
    imports: Vec<Import>,
}

impl<'t> Crate<'t> {
    /// Every crate of the workspace, by the files below its `src`.
    pub(super) fn all(tree: &'t Tree) -> Vec<Self> {
        let mut crates: BTreeMap<&str, Self> = BTreeMap::new();
        for file in tree.sources() {
            let Some((folder, path)) = file.path.split_once("/src/") else { continue };
            let name = folder.rsplit('/').next().unwrap_or(folder);
            let module = module_path(path);
            let is_test = file.text.lines().any(|line| line == "#![cfg(test)]") || path.ends_with("tests.rs");
            if is_test {
                continue;
            }
            let imports = syn::parse_file(&file.text).map(|parsed| imports(&parsed)).unwrap_or_default();
            let krate = crates.entry(folder).or_insert_with(|| Self { name, modules: BTreeMap::new() });
            krate.modules.insert(module, Module { path: &file.path, imports });
        }
        crates.into_values().collect()
    }

    /// Every import: the importing module, the path as it is written, and the line.
    pub(super) fn imports(&self) -> impl Iterator<Item = (ModulePath, Vec<String>, usize)> {
        self.modules.iter().flat_map(|(module, Module { imports, .. })| {
            imports.iter().map(|import| (module.clone(), import.path.clone(), import.line))
        })
    }

    /// The path of the module's file.
    pub(super) fn path_of(&self, module: &[String]) -> &str {
        self.modules.get(module).map_or("", |module| module.path)
    }

    /// The module that a path leads to from `importer`; the importer itself if it leads out of the crate.
    pub(super) fn resolve(&self, importer: &[String], path: &[String]) -> ModulePath {
        self.absolute(importer, path).map_or_else(|| importer.to_vec(), |path| self.module_of(&path, MAX_REEXPORTS))
    }

    /// The path from the root of the crate; `None` for another crate's.
    fn absolute(&self, importer: &[String], path: &[String]) -> Option<Vec<String>> {
        let mut base = importer.to_vec();
        let mut rest = path;
        match rest.first()?.as_str() {
            "crate" => (base, rest) = (Vec::new(), &rest[1..]),
            "self" => rest = &rest[1..],
            "super" => {
                while let Some(("super", after)) = rest.split_first().map(|(first, after)| (first.as_str(), after)) {
                    base.pop();
                    rest = after;
                }
            }
            child => {
                base.push(child.to_owned());
                if !self.modules.contains_key(&base) {
                    return None;
                }
                rest = &rest[1..];
            }
        }
        base.extend(rest.iter().cloned());
        Some(base)
    }

    /// The deepest module along the path, re-exported names followed to where they come from.
    fn module_of(&self, path: &[String], reexports_left: usize) -> ModulePath {
        let mut module: ModulePath = Vec::new();
        for (index, name) in path.iter().enumerate() {
            let mut child = module.clone();
            child.push(name.clone());
            if self.modules.contains_key(&child) {
                module = child;
                continue;
            }
            let reexport = self
                .modules
                .get(&module)
                .and_then(|parent| parent.imports.iter().find(|import| import.reexported_as.as_deref() == Some(name)));
            let origin = reexport.and_then(|import| self.absolute(&module, &import.path));
            if let Some(mut origin) = origin.filter(|_| reexports_left > 0) {
                origin.extend(path[index + 1..].iter().cloned());
                return self.module_of(&origin, reexports_left - 1);
            }
            break;
        }
        module
    }
}

/// `serve/tasks.rs` is `serve::tasks`; `lib.rs` and `main.rs` are the root.
fn module_path(file: &str) -> ModulePath {
    let path = file.strip_suffix(".rs").unwrap_or(file);
    if path == "lib" || path == "main" { Vec::new() } else { path.split('/').map(str::to_owned).collect() }
}
