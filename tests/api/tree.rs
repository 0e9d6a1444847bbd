//! The modules of a crate as they stand in its files, features off.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use syn::{Attribute, Item, ItemMod, Meta, UseTree};

/// Every module by its path, the root's being empty.
pub(crate) struct Crate {
    modules: BTreeMap<String, Vec<Item>>,
}

/// Where something is defined: its module and its name there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) module: String,
    pub(crate) name: String,
}

impl Crate {
    /// Parses a crate from its root file.
    pub(crate) fn read(root: &Path) -> Self {
        let mut modules = BTreeMap::new();
        let folder = root.parent().expect("a file stands in a folder").to_owned();
        load(&mut modules, String::new(), parse(root), &folder);
        Crate { modules }
    }

    /// The items of a module, in order.
    pub(crate) fn items(&self, module: &str) -> &[Item] {
        &self.modules[module]
    }

    /// The paths of all modules.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.modules.keys().map(String::as_str)
    }

    /// Whether there is such a module.
    pub(crate) fn has(&self, module: &str) -> bool {
        self.modules.contains_key(module)
    }

    /// What a path, as written in a module, means; `None` is another crate's.
    pub(crate) fn resolve(&self, module: &str, path: &[String]) -> Option<Place> {
        let (first, rest) = path.split_first()?;
        let within = match first.as_str() {
            "crate" => String::new(),
            "self" => module.to_owned(),
            "super" => module.rsplit_once("::").map_or("", |(parent, _)| parent).to_owned(),
            name if rest.is_empty() => return self.named(module, name),
            name => join(&self.named(module, name).filter(|at| self.has(&join(at)))?),
        };
        let within = match rest {
            [] => return None,
            [_] => return self.named(&within, &rest[0]),
            _ => within,
        };
        self.resolve(&within, rest)
    }

    /// What a name means in a module: an item, a module below, or something taken from elsewhere.
    fn named(&self, module: &str, name: &str) -> Option<Place> {
        let here = Place { module: module.to_owned(), name: name.to_owned() };
        if self.has(&join(&here))
            || self.items(module).iter().any(|item| name_of(item) == Some(name.to_owned()))
        {
            return Some(here);
        }
        let uses = self.items(module).iter().filter_map(|item| match item {
            Item::Use(item) => Some(leaves(&item.tree)),
            _ => None,
        });
        let leaf = uses.flatten().find(|leaf| leaf.name == name);
        match leaf {
            Some(leaf) => self.resolve(module, &leaf.path),
            // a macro of the module may have made it
            None => {
                let macros = |item: &Item| matches!(item, Item::Macro(item) if item.ident.is_none());
                self.items(module).iter().any(macros).then_some(here)
            }
        }
    }
}

/// A name that a `use` brings in.
pub(crate) struct Leaf {
    pub(crate) path: Vec<String>,
    pub(crate) name: String,
}

/// All names that a tree of `use` brings in.
pub(crate) fn leaves(tree: &UseTree) -> Vec<Leaf> {
    let below = |ident: &syn::Ident, tree: &UseTree| {
        let mut inner = leaves(tree);
        for leaf in &mut inner {
            if leaf.path == ["self"] {
                leaf.path.clear();
                leaf.name = ident.to_string();
            }
            leaf.path.insert(0, ident.to_string());
        }
        inner
    };
    match tree {
        UseTree::Path(path) => below(&path.ident, &path.tree),
        UseTree::Name(name) => {
            vec![Leaf { path: vec![name.ident.to_string()], name: name.ident.to_string() }]
        }
        UseTree::Rename(name) => {
            vec![Leaf { path: vec![name.ident.to_string()], name: name.rename.to_string() }]
        }
        UseTree::Group(group) => group.items.iter().flat_map(leaves).collect(),
        UseTree::Glob(_) => vec![Leaf { path: vec!["*".to_owned()], name: "*".to_owned() }],
    }
}

/// The path of a module that is named.
pub(crate) fn join(place: &Place) -> String {
    if place.module.is_empty() { place.name.clone() } else { format!("{}::{}", place.module, place.name) }
}

/// The name of what can be named.
pub(crate) fn name_of(item: &Item) -> Option<String> {
    Some(match item {
        Item::Const(item) => item.ident.to_string(),
        Item::Enum(item) => item.ident.to_string(),
        Item::Fn(item) => item.sig.ident.to_string(),
        Item::Static(item) => item.ident.to_string(),
        Item::Struct(item) => item.ident.to_string(),
        Item::Trait(item) => item.ident.to_string(),
        Item::Type(item) => item.ident.to_string(),
        _ => return None,
    })
}

fn parse(path: &Path) -> Vec<Item> {
    let text = fs::read_to_string(path).expect("every module has a file");
    syn::parse_file(&text).expect("it compiles").items
}

fn load(modules: &mut BTreeMap<String, Vec<Item>>, path: String, items: Vec<Item>, folder: &Path) {
    let items: Vec<Item> = items.into_iter().filter(|item| built(attributes(item))).collect();
    for item in &items {
        let Item::Mod(item) = item else { continue };
        let below = join(&Place { module: path.clone(), name: item.ident.to_string() });
        let folder_below = folder.join(item.ident.to_string());
        match &item.content {
            Some((_, items)) => load(modules, below, items.clone(), &folder_below),
            None => load(modules, below, parse(&file_of(item, folder)), &folder_below),
        }
    }
    modules.insert(path, items);
}

fn file_of(module: &ItemMod, folder: &Path) -> PathBuf {
    let flat = folder.join(format!("{}.rs", module.ident));
    if flat.is_file() { flat } else { folder.join(module.ident.to_string()).join("mod.rs") }
}

/// Whether it is built without features, tests and documentation tests, by any compiler on any machine.
fn built(attributes: &[Attribute]) -> bool {
    attributes.iter().filter(|a| a.path().is_ident("cfg")).all(|attribute| {
        let Meta::List(list) = &attribute.meta else { return true };
        let words = list.tokens.to_string();
        !["feature", "test", "doctest", "has_avx512"].iter().any(|word| words.split(' ').any(|w| w == *word))
            && !words.contains("doctest")
    })
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}
