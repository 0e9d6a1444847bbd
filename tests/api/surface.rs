//! What of a crate others can name, one line each.

use quote::ToTokens;
use syn::{Attribute, Fields, ImplItem, Item, ItemImpl, Signature, TraitItem, Type, Visibility};

use super::tree::{Crate, Place, join, leaves, name_of};

/// Every public item, by the paths that lead to it, sorted.
pub(crate) fn of(tree: &Crate) -> Vec<String> {
    let mut surface = Surface { tree, impls: impls(tree), lines: vec![] };
    surface.module("", "");
    surface.lines.sort();
    surface.lines.dedup();
    surface.lines
}

struct Surface<'a> {
    tree: &'a Crate,
    impls: Vec<(Place, &'a ItemImpl)>,
    lines: Vec<String>,
}

impl Surface<'_> {
    /// What a module shows, under the path that leads to it.
    fn module(&mut self, module: &str, shown: &str) {
        let tree = self.tree;
        let under = |name: &str| join(&Place { module: shown.to_owned(), name: name.to_owned() });
        for item in tree.items(module) {
            match item {
                Item::Mod(item) if public(&item.vis) => {
                    let name = item.ident.to_string();
                    let below = join(&Place { module: module.to_owned(), name: name.clone() });
                    self.lines.push(format!("{}: mod", under(&name)));
                    self.module(&below, &under(&name));
                }
                Item::Use(item) if public(&item.vis) => {
                    for leaf in leaves(&item.tree) {
                        assert!(leaf.name != "*", "{module}: a public glob hides what it shows");
                        match tree.resolve(module, &leaf.path) {
                            Some(place) if tree.has(&join(&place)) => {
                                self.module(&join(&place), &under(&leaf.name))
                            }
                            Some(place) => self.item(&place, &under(&leaf.name)),
                            None => self.lines.push(format!(
                                "{}: use {}",
                                under(&leaf.name),
                                leaf.path.join("::")
                            )),
                        }
                    }
                }
                Item::Const(_)
                | Item::Enum(_)
                | Item::Fn(_)
                | Item::Static(_)
                | Item::Struct(_)
                | Item::Trait(_)
                | Item::Type(_)
                    if visibility(item).is_some_and(public) =>
                {
                    let name = name_of(item).expect("each of these has one");
                    self.item(&Place { module: module.to_owned(), name: name.clone() }, &under(&name));
                }
                _ => {}
            }
        }
    }

    /// An item, with what is implemented for it.
    fn item(&mut self, place: &Place, shown: &str) {
        let items = self.tree.items(&place.module);
        match items.iter().find(|item| name_of(item).as_ref() == Some(&place.name)) {
            Some(item) => self.lines.extend(describe(item, shown)),
            None => self.lines.extend(made_by_macro(items, &place.name, shown)),
        }
        for (_, item) in self.impls.iter().filter(|(of, _)| of == place) {
            match &item.trait_ {
                Some((_, name, _)) => {
                    let text = format!("impl{} {}", words(&item.generics), words(name));
                    self.lines.push(format!("{shown}: {text}"));
                }
                None => self.lines.extend(item.items.iter().filter_map(|item| member(item, shown))),
            }
        }
    }
}

/// Implementations by the type that they are for, in order.
fn impls(tree: &Crate) -> Vec<(Place, &ItemImpl)> {
    let mut found = vec![];
    for module in tree.paths() {
        for item in tree.items(module) {
            let Item::Impl(item) = item else { continue };
            let Type::Path(path) = item.self_ty.as_ref() else { continue };
            let path: Vec<String> = path.path.segments.iter().map(|s| s.ident.to_string()).collect();
            found.extend(tree.resolve(module, &path).map(|place| (place, item)));
        }
    }
    found
}

fn describe(item: &Item, shown: &str) -> Vec<String> {
    match item {
        Item::Const(item) => vec![format!("{shown}: const {}", words(&item.ty))],
        Item::Static(item) => vec![format!("{shown}: static {}", words(&item.ty))],
        Item::Type(item) => vec![format!("{shown}{}: type {}", words(&item.generics), words(&item.ty))],
        Item::Fn(item) => vec![signature(&item.sig, shown)],
        Item::Struct(item) => {
            let mut lines = attributes(&item.attrs, shown);
            lines.push(format!(
                "{shown}{}: struct {}",
                words(&item.generics),
                fields(&item.fields, Members::Public)
            ));
            lines.extend(item.fields.iter().filter(|field| public(&field.vis)).filter_map(|field| {
                field.ident.as_ref().map(|name| format!("{shown}.{name}: {}", words(&field.ty)))
            }));
            lines
        }
        Item::Enum(item) => {
            let mut lines = attributes(&item.attrs, shown);
            lines.push(format!("{shown}{}: enum", words(&item.generics)));
            lines.extend(item.variants.iter().map(|variant| {
                let text = format!("{shown}::{} {}", variant.ident, fields(&variant.fields, Members::All));
                text.trim_end().to_owned()
            }));
            lines
        }
        Item::Trait(item) => {
            let above = if item.supertraits.is_empty() {
                String::new()
            } else {
                format!(": {}", words(&item.supertraits))
            };
            let mut lines = vec![format!("{shown}{}: trait{above}", words(&item.generics))];
            lines.extend(item.items.iter().map(|member| match member {
                TraitItem::Fn(f) if f.default.is_some() => {
                    format!("{}, with a default", signature(&f.sig, &format!("{shown}::{}", f.sig.ident)))
                }
                TraitItem::Fn(f) => signature(&f.sig, &format!("{shown}::{}", f.sig.ident)),
                other => format!("{shown}: {}", words(other)),
            }));
            lines
        }
        _ => vec![],
    }
}

/// Items that a macro of their own module made: the enumerations of names, whose variants are `Variant = "name"`, and the
/// parameters, whose fields are `name: type = default`.
fn made_by_macro(items: &[Item], name: &str, shown: &str) -> Vec<String> {
    let calls: Vec<String> = items
        .iter()
        .filter_map(|item| match item {
            Item::Macro(item) if item.ident.is_none() => Some(item.mac.tokens.to_string()),
            _ => None,
        })
        .collect();
    // `Name : "what it takes" ; Variant = "name" , ...`
    let declares = format!(" {name} : \"");
    let declared = calls.iter().filter_map(|call| call.split_once(&declares)?.1.split_once(" ; ")).next();
    if let Some((_, variants)) = declared {
        let words = variants.split(" = ");
        let variants = words.filter_map(|before| before.rsplit(' ').next());
        let variants = variants.filter(|word| word.starts_with(|c: char| c.is_ascii_uppercase()));
        let variants = variants.map(|variant| format!("{shown}::{variant}"));
        return std::iter::once(format!("{shown}: enum")).chain(variants).collect();
    }
    if !name.contains(|c: char| c.is_ascii_lowercase()) {
        return vec![format!("{shown}: made by a macro")];
    }
    let mut lines = vec![format!("{shown}: made by a macro")];
    for group in calls.iter().flat_map(|call| call.split(['{', ';'])) {
        let field =
            group.split_once(" : ").and_then(|(name, rest)| Some((name.trim(), rest.split_once(" = ")?.0)));
        if let Some((name, kind)) =
            field.filter(|(name, _)| name.chars().all(|c| c.is_ascii_lowercase() || "_1290".contains(c)))
        {
            lines.push(format!("{shown}.{name}: {}", tidy(kind)));
        }
    }
    lines
}

/// What derived traits and `non_exhaustive` promise.
fn attributes(attributes: &[Attribute], shown: &str) -> Vec<String> {
    let mut lines = vec![];
    for attribute in attributes {
        if attribute.path().is_ident("non_exhaustive") {
            lines.push(format!("{shown}: non_exhaustive"));
        }
        if attribute.path().is_ident("derive") {
            let derived = attribute.parse_args_with(|input: syn::parse::ParseStream<'_>| {
                syn::punctuated::Punctuated::<syn::Path, syn::Token![,]>::parse_terminated(input)
            });
            let derived = derived.expect("a list of traits");
            lines.extend(derived.iter().map(|path| format!("{shown}: impl {}", words(path))));
        }
    }
    lines
}

/// Whose members are shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Members {
    /// Those of a structure that are public; the others are `..`.
    Public,
    /// Those of a variant.
    All,
}

fn fields(fields: &Fields, members: Members) -> String {
    let seen = |vis: &Visibility| members == Members::All || public(vis);
    let texts = fields.iter().filter(|field| seen(&field.vis)).map(|field| match &field.ident {
        Some(name) => format!("{name}: {}", words(&field.ty)),
        None => words(&field.ty),
    });
    let mut texts: Vec<String> = texts.collect();
    if texts.len() < fields.len() {
        texts.push("..".to_owned());
    }
    match fields {
        Fields::Named(_) => format!("{{ {} }}", texts.join(", ")),
        Fields::Unnamed(_) => format!("({})", texts.join(", ")),
        Fields::Unit => String::new(),
    }
}

fn member(item: &ImplItem, shown: &str) -> Option<String> {
    match item {
        ImplItem::Fn(f) if public(&f.vis) => Some(signature(&f.sig, &format!("{shown}::{}", f.sig.ident))),
        ImplItem::Const(c) if public(&c.vis) => Some(format!("{shown}::{}: const {}", c.ident, words(&c.ty))),
        _ => None,
    }
}

fn signature(sig: &Signature, shown: &str) -> String {
    let constness = if sig.constness.is_some() { "const " } else { "" };
    let safety = if sig.unsafety.is_some() { "unsafe " } else { "" };
    let inputs = words(&sig.inputs);
    let inputs = inputs.trim_end_matches(',');
    let output = words(&sig.output);
    let output = if output.is_empty() { output } else { format!(" {output}") };
    let limits =
        sig.generics.where_clause.as_ref().map_or(String::new(), |limits| format!(" {}", words(limits)));
    format!("{shown}: {constness}{safety}fn{}({inputs}){output}{limits}", words(&sig.generics))
}

fn visibility(item: &Item) -> Option<&Visibility> {
    Some(match item {
        Item::Const(item) => &item.vis,
        Item::Enum(item) => &item.vis,
        Item::Fn(item) => &item.vis,
        Item::Static(item) => &item.vis,
        Item::Struct(item) => &item.vis,
        Item::Trait(item) => &item.vis,
        Item::Type(item) => &item.vis,
        _ => return None,
    })
}

fn public(vis: &Visibility) -> bool {
    matches!(vis, Visibility::Public(_))
}

fn words(tokens: &impl ToTokens) -> String {
    tidy(&tokens.to_token_stream().to_string())
}

/// Tokens with the blanks that a person would leave between them.
fn tidy(text: &str) -> String {
    let mut text = text.replace(" :: ", "::").replace(":: ", "::").replace("-> (", "->\u{1}(");
    for mark in [",", ";", ":", ".", ")", "]", ">", "?", "(", "<"] {
        text = text.replace(&format!(" {mark}"), mark);
    }
    for mark in ["(", "[", "<", "& ", "&"] {
        text = text.replace(&format!("{mark} "), mark.trim());
    }
    text.replace('\u{1}', " ").trim().to_owned()
}
