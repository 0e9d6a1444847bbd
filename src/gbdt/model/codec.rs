//! The model file, byte by byte in `docs/model_format.md`: magic, version, section table, sections.
//!
//! The frame (header, table, checksums) is ours; bincode fills the payload of a section, as fixed-width little-endian
//! numbers and length-prefixed lists. One model has one encoding: whatever else decodes to it is refused, so a flipped
//! bit anywhere is an error. Decoding never trusts a length: lists grow as their elements arrive, texts are borrowed
//! from the input, so memory stays proportional to the input.

use serde::{Deserialize, Serialize};

use super::check::ModelFault;
use super::{CategorySet, Child, Default, Leaf, Missing, Model, Node, Objective, Rule, Tree};
use crate::determinism::digest::Digest;
use crate::gbdt::data::{Feature, FeatureKind, Schema};

/// The first bytes of a model file.
pub const MAGIC: [u8; 8] = *b"AMLGBDT\n";

/// The version this code writes and reads.
pub const VERSION: u32 = 1;

/// Why bytes are not a model.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// The first bytes are not ours.
    #[error("not a model file: it does not begin with the magic bytes `AMLGBDT`")]
    Magic,
    /// Written by another generation of this program.
    #[error("model format version {found} is unknown, this program reads version {VERSION}")]
    Version {
        /// The version found.
        found: u32,
    },
    /// The file ends too early.
    #[error("{place}: expected {expected} bytes, found {found}: the file is truncated")]
    Truncated {
        /// Where.
        place: &'static str,
        /// Bytes needed.
        expected: usize,
        /// Bytes there.
        found: usize,
    },
    /// The section table is not the one that this version writes.
    #[error("section table, entry {entry}: expected {expected}, found {found}")]
    Table {
        /// Position in the table.
        entry: usize,
        /// What belongs there.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// Bytes after the last section.
    #[error("{count} bytes follow the last section")]
    Trailing {
        /// How many.
        count: usize,
    },
    /// A section's bytes are not those that were written.
    #[error("section `{section}`: the checksum does not match: the file is damaged")]
    Checksum {
        /// Name of the section.
        section: &'static str,
    },
    /// A section's bytes do not decode.
    #[error("section `{section}`: {problem}")]
    Payload {
        /// Name of the section.
        section: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// Everything decodes, but the parts do not fit together.
    #[error("the model is not sound: {0}")]
    Model(#[from] ModelFault),
}

impl Model {
    /// The model file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let payloads = [
            encode(&wire_schema(&self.schema)),
            encode(&wire_objective(self)),
            encode(&self.trees.iter().map(wire_tree).collect::<Vec<_>>()),
            encode(&self.quantiles),
            encode(&self.parameters),
        ];
        let mut bytes = Vec::with_capacity(HEADER + payloads.iter().map(Vec::len).sum::<usize>());
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend((SECTIONS.len() as u32).to_le_bytes());
        let mut offset = HEADER as u64;
        for (name, payload) in SECTIONS.iter().zip(&payloads) {
            bytes.extend(padded(name));
            bytes.extend(offset.to_le_bytes());
            bytes.extend((payload.len() as u64).to_le_bytes());
            bytes.extend(Digest::of(payload).0);
            offset += payload.len() as u64;
        }
        payloads.iter().for_each(|payload| bytes.extend(payload));
        bytes
    }

    /// Reads a model file.
    ///
    /// # Errors
    /// When the bytes are not exactly what [`Model::to_bytes`] writes for some sound model.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FormatError> {
        let [schema, objective, trees, quantiles, parameters] = sections(bytes)?;
        let schema: Vec<WireFeature<'_>> = decode(SCHEMA, schema)?;
        let objective: WireObjective = decode(OBJECTIVE, objective)?;
        let trees: Vec<WireTree> = decode(TREES, trees)?;
        let parameters: Vec<(&str, &str)> = decode(PARAMETERS, parameters)?;
        let model = Model {
            schema: Schema { features: schema.iter().map(read_feature).collect::<Result<_, _>>()? },
            objective: read_objective(&objective)?,
            average: flag(OBJECTIVE, objective.average)?,
            trees: trees.into_iter().enumerate().map(|(i, t)| read_tree(i, t)).collect::<Result<_, _>>()?,
            quantiles: decode(QUANTILES, quantiles)?,
            parameters: parameters.iter().map(|&(k, v)| (k.to_owned(), v.to_owned())).collect(),
        };
        model.check()?;
        Ok(model)
    }

    /// The identity of the model: SHA-256 of its file.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.to_bytes())
    }

    /// Whether bytes begin as a model file does.
    pub fn is_file(bytes: &[u8]) -> bool {
        bytes.starts_with(&MAGIC)
    }
}

const SCHEMA: &str = "schema";
const OBJECTIVE: &str = "objective";
const TREES: &str = "trees";
const QUANTILES: &str = "quantiles";
const PARAMETERS: &str = "parameters";
const SECTIONS: [&str; 5] = [SCHEMA, OBJECTIVE, TREES, QUANTILES, PARAMETERS];
const NAME: usize = 16;
const ENTRY: usize = NAME + 8 + 8 + 32;
const HEADER: usize = MAGIC.len() + 4 + 4 + SECTIONS.len() * ENTRY;

// ------------------------------------------------------------------ the frame

fn sections(bytes: &[u8]) -> Result<[&[u8]; 5], FormatError> {
    if !Model::is_file(bytes) {
        return Err(FormatError::Magic);
    }
    let version = u32::from_le_bytes(array(bytes, 8, "header")?);
    if version != VERSION {
        return Err(FormatError::Version { found: version });
    }
    let count = u32::from_le_bytes(array(bytes, 12, "header")?);
    if count as usize != SECTIONS.len() {
        let expected = format!("{} sections", SECTIONS.len());
        return Err(FormatError::Table { entry: 0, expected, found: count.to_string() });
    }
    let mut offset = HEADER;
    let mut found = [[].as_slice(); 5];
    for (entry, section) in found.iter_mut().enumerate() {
        *section = read_section(bytes, entry, offset)?;
        offset += section.len();
    }
    match bytes.len() - offset {
        0 => Ok(found),
        count => Err(FormatError::Trailing { count }),
    }
}

fn read_section(bytes: &[u8], entry: usize, offset: usize) -> Result<&[u8], FormatError> {
    let (name, at) = (SECTIONS[entry], 16 + entry * ENTRY);
    let fault = |expected: String, found: String| FormatError::Table { entry, expected, found };
    let written: [u8; NAME] = array(bytes, at, "section table")?;
    if written != padded(name) {
        let found = String::from_utf8_lossy(&written).escape_debug().to_string();
        return Err(fault(format!("section `{name}`"), found));
    }
    let start = u64::from_le_bytes(array(bytes, at + NAME, "section table")?);
    if start != offset as u64 {
        return Err(fault(format!("offset {offset}"), start.to_string()));
    }
    let length = u64::from_le_bytes(array(bytes, at + NAME + 8, "section table")?);
    let checksum = Digest(array(bytes, at + NAME + 16, "section table")?);
    let rest = bytes.get(offset..).unwrap_or_default();
    let payload = usize::try_from(length).ok().and_then(|length| rest.get(..length));
    let expected = usize::try_from(length).unwrap_or(usize::MAX);
    let payload = payload.ok_or(FormatError::Truncated { place: name, expected, found: rest.len() })?;
    if Digest::of(payload) != checksum {
        return Err(FormatError::Checksum { section: name });
    }
    Ok(payload)
}

fn array<const N: usize>(bytes: &[u8], at: usize, place: &'static str) -> Result<[u8; N], FormatError> {
    let found = bytes.get(at..).and_then(|rest| rest.first_chunk());
    found.copied().ok_or(FormatError::Truncated { place, expected: at + N, found: bytes.len() })
}

fn padded(name: &str) -> [u8; NAME] {
    std::array::from_fn(|i| name.as_bytes().get(i).copied().unwrap_or(0))
}

// ------------------------------------------------------------------ payloads

fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    let config = bincode::config::legacy();
    bincode::serde::encode_to_vec(value, config).expect("lists of numbers and texts always encode")
}

fn decode<'a, T: Deserialize<'a>>(section: &'static str, bytes: &'a [u8]) -> Result<T, FormatError> {
    let fault = |problem| FormatError::Payload { section, problem };
    let config = bincode::config::legacy();
    let (value, used) =
        bincode::serde::borrow_decode_from_slice(bytes, config).map_err(|e| fault(e.to_string()))?;
    if used != bytes.len() {
        return Err(fault(format!("{} bytes are left over", bytes.len() - used)));
    }
    Ok(value)
}

#[derive(Serialize, Deserialize)]
struct WireFeature<'a> {
    #[serde(borrow)]
    name: &'a str,
    categorical: u8,
    #[serde(borrow)]
    levels: Vec<&'a str>,
}

#[derive(Serialize, Deserialize)]
struct WireObjective {
    kind: u8,
    sigmoid: f64,
    average: u8,
}

/// A tree as parallel lists. `rule` packs a node's answers as LightGBM's `decision_type` does: bit 0 categorical, bit 1
/// default left, bits 2-3 what is missing. A child below zero is the leaf `-1 - child`. The threshold of a categorical
/// node is 0 and its set is the next of `sets`.
#[derive(Serialize, Deserialize)]
struct WireTree {
    shrinkage: f64,
    feature: Vec<u32>,
    rule: Vec<u8>,
    threshold: Vec<f64>,
    sets: Vec<Vec<u32>>,
    left: Vec<i32>,
    right: Vec<i32>,
    gain: Vec<f64>,
    value: Vec<f64>,
    weight: Vec<f64>,
    count: Vec<u64>,
    leaf_value: Vec<f64>,
    leaf_weight: Vec<f64>,
    leaf_count: Vec<u64>,
}

fn wire_schema(schema: &Schema) -> Vec<WireFeature<'_>> {
    schema
        .features
        .iter()
        .map(|feature| WireFeature {
            name: &feature.name,
            categorical: u8::from(feature.kind != FeatureKind::Numerical),
            levels: match &feature.kind {
                FeatureKind::Numerical => vec![],
                FeatureKind::Categorical { levels } => levels.iter().map(String::as_str).collect(),
            },
        })
        .collect()
}

fn read_feature(wire: &WireFeature<'_>) -> Result<Feature, FormatError> {
    let kind = if flag(SCHEMA, wire.categorical)? {
        FeatureKind::Categorical { levels: wire.levels.iter().map(|&level| level.to_owned()).collect() }
    } else if wire.levels.is_empty() {
        FeatureKind::Numerical
    } else {
        let problem = format!("numerical feature `{}` has levels", wire.name);
        return Err(FormatError::Payload { section: SCHEMA, problem });
    };
    Ok(Feature { name: wire.name.to_owned(), kind })
}

fn wire_objective(model: &Model) -> WireObjective {
    let (kind, sigmoid) = match model.objective {
        Objective::Binary { sigmoid } => (0, sigmoid),
        Objective::Lambdarank => (1, 0.0),
        Objective::Regression => (2, 0.0),
    };
    WireObjective { kind, sigmoid, average: u8::from(model.average) }
}

fn read_objective(wire: &WireObjective) -> Result<Objective, FormatError> {
    match (wire.kind, wire.sigmoid.to_bits()) {
        (0, _) => Ok(Objective::Binary { sigmoid: wire.sigmoid }),
        (1, 0) => Ok(Objective::Lambdarank),
        (2, 0) => Ok(Objective::Regression),
        (kind, _) => {
            let problem = format!("objective {kind} with sigmoid {} is unknown", wire.sigmoid);
            Err(FormatError::Payload { section: OBJECTIVE, problem })
        }
    }
}

fn wire_tree(tree: &Tree) -> WireTree {
    fn each<T, U>(items: &[T], f: impl Fn(&T) -> U) -> Vec<U> {
        items.iter().map(f).collect()
    }
    let (nodes, leaves) = (&tree.nodes, &tree.leaves);
    WireTree {
        shrinkage: tree.shrinkage,
        feature: each(nodes, |n| n.feature),
        rule: each(nodes, Node::decision_type),
        threshold: each(nodes, |n| match n.rule {
            Rule::Numerical { threshold } => threshold,
            Rule::Categorical { .. } => 0.0,
        }),
        sets: nodes.iter().filter_map(category_words).collect(),
        left: each(nodes, |n| n.left.code()),
        right: each(nodes, |n| n.right.code()),
        gain: each(nodes, |n| n.gain),
        value: each(nodes, |n| n.value),
        weight: each(nodes, |n| n.weight),
        count: each(nodes, |n| n.count),
        leaf_value: each(leaves, |l| l.value),
        leaf_weight: each(leaves, |l| l.weight),
        leaf_count: each(leaves, |l| l.count),
    }
}

fn category_words(node: &Node) -> Option<Vec<u32>> {
    match &node.rule {
        Rule::Numerical { .. } => None,
        Rule::Categorical { left } => Some(left.words.clone()),
    }
}

fn read_tree(index: usize, wire: WireTree) -> Result<Tree, FormatError> {
    let fault = |problem: String| FormatError::Payload {
        section: TREES,
        problem: format!("tree {index}: {problem}"),
    };
    let n = wire.feature.len();
    let lengths = [
        wire.rule.len(),
        wire.threshold.len(),
        wire.left.len(),
        wire.right.len(),
        wire.gain.len(),
        wire.value.len(),
        wire.weight.len(),
        wire.count.len(),
    ];
    if lengths.iter().any(|&length| length != n) {
        return Err(fault(format!("lists of {n} nodes have lengths {lengths:?}")));
    }
    let leaf_lengths = [wire.leaf_weight.len(), wire.leaf_count.len()];
    if leaf_lengths.iter().any(|&length| length != wire.leaf_value.len()) {
        return Err(fault(format!(
            "lists of {} leaves have lengths {leaf_lengths:?}",
            wire.leaf_value.len()
        )));
    }
    let mut sets = wire.sets.iter();
    let mut nodes = Vec::with_capacity(n);
    for i in 0..n {
        nodes.push(read_node(&wire, i, &mut sets).map_err(|problem| fault(format!("node {i}: {problem}")))?);
    }
    if sets.next().is_some() {
        return Err(fault("more category sets than categorical nodes".to_owned()));
    }
    let leaf =
        |i: usize| Leaf { value: wire.leaf_value[i], weight: wire.leaf_weight[i], count: wire.leaf_count[i] };
    let leaves = (0..wire.leaf_value.len()).map(leaf).collect();
    Ok(Tree { nodes, leaves, shrinkage: wire.shrinkage })
}

fn read_node<'a>(
    wire: &WireTree,
    i: usize,
    sets: &mut impl Iterator<Item = &'a Vec<u32>>,
) -> Result<Node, String> {
    let bits = wire.rule[i];
    let missing = Missing::of_code(bits >> 2).ok_or_else(|| format!("unknown rule {bits:#04x}"))?;
    let rule = if bits & 1 == 0 {
        Rule::Numerical { threshold: wire.threshold[i] }
    } else if wire.threshold[i].to_bits() == 0 {
        let words = sets.next().ok_or("its category set is missing")?.clone();
        Rule::Categorical { left: CategorySet { words } }
    } else {
        return Err(format!("a categorical node has the threshold {}", wire.threshold[i]));
    };
    Ok(Node {
        feature: wire.feature[i],
        rule,
        missing,
        default: Default::of_decision_type(bits),
        left: Child::of_code(wire.left[i]),
        right: Child::of_code(wire.right[i]),
        gain: wire.gain[i],
        value: wire.value[i],
        weight: wire.weight[i],
        count: wire.count[i],
    })
}

fn flag(section: &'static str, value: u8) -> Result<bool, FormatError> {
    match value {
        0 => Ok(false),
        1 => Ok(true),
        _ => {
            Err(FormatError::Payload { section, problem: format!("expected the flag 0 or 1, found {value}") })
        }
    }
}
