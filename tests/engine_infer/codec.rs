//! The model file: what is written is read back, and nothing else is read at all.

use aml_miner::gbdt::model::{Child, FormatError, Model, ModelFault, Objective};
use proptest::prelude::*;

use crate::models::{Shape, model};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn files_read_back(seed: u64, features in 1..12usize, trees in 0..12usize, leaves in 1..40usize) {
        let mut model = model(seed, Shape { features, trees, leaves });
        model.quantiles = (0..features).map(|i| (0..i).map(|q| q as f64 / 3.0).collect()).collect();
        model.average = seed & 1 == 1;
        model.objective = [Objective::Binary { sigmoid: 0.7 }, Objective::Lambdarank, Objective::Regression][seed as usize % 3];
        let bytes = model.to_bytes();
        let back = Model::from_bytes(&bytes);
        prop_assert_eq!(back.as_ref(), Ok(&model));
        prop_assert_eq!(back.unwrap().to_bytes(), bytes);
    }

    #[test]
    fn random_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..600), with_head: bool) {
        let mut bytes = bytes;
        if with_head {
            let head = small().to_bytes();
            bytes.splice(0..bytes.len().min(40), head[..40].iter().copied());
        }
        prop_assert!(Model::from_bytes(&bytes).is_err());
    }

    /// Sections that carry a right checksum over wrong bytes reach the decoder itself.
    #[test]
    fn forged_sections_never_panic(section in 0..5usize, at: prop::sample::Index, byte: u8, cut in 0..9usize) {
        let bytes = small().to_bytes();
        let entry = 16 + section * 64;
        let number = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap()) as usize;
        let (start, length) = (number(entry + 16), number(entry + 24));
        let mut payload = bytes[start..start + length].to_vec();
        if let Some(place) = (!payload.is_empty()).then(|| at.index(payload.len())) {
            payload[place] = byte;
        }
        payload.truncate(length.saturating_sub(cut));
        let forged = forge(&bytes, section, &payload);
        if let Ok(model) = Model::from_bytes(&forged) {
            prop_assert_eq!(model.to_bytes(), forged);
        }
    }
}

/// The file with one section replaced, table and checksum made to fit.
fn forge(bytes: &[u8], section: usize, payload: &[u8]) -> Vec<u8> {
    let number = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
    let payloads: Vec<&[u8]> = (0..5)
        .map(|i| {
            let (start, length) = (number(16 + i * 64 + 16) as usize, number(16 + i * 64 + 24) as usize);
            if i == section { payload } else { &bytes[start..start + length] }
        })
        .collect();
    let mut out = bytes[..16].to_vec();
    let mut offset = 16 + 5 * 64;
    for (i, payload) in payloads.iter().enumerate() {
        out.extend(&bytes[16 + i * 64..16 + i * 64 + 16]);
        out.extend((offset as u64).to_le_bytes());
        out.extend((payload.len() as u64).to_le_bytes());
        out.extend(aml_miner::determinism::digest::Digest::of(payload).0);
        offset += payload.len();
    }
    payloads.iter().for_each(|payload| out.extend(*payload));
    out
}

fn small() -> Model {
    let mut model = model(11, Shape { features: 3, trees: 2, leaves: 6 });
    model.quantiles = vec![vec![0.0, 1.0], vec![], vec![2.0]];
    model
}

#[test]
fn a_forgery_without_a_change_is_the_file() {
    let bytes = small().to_bytes();
    let number = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap()) as usize;
    let payload = &bytes[number(16 + 16)..number(16 + 16) + number(16 + 24)];
    assert_eq!(forge(&bytes, 0, payload), bytes);
}

#[test]
fn every_truncation_is_refused() {
    let bytes = small().to_bytes();
    for length in 0..bytes.len() {
        assert!(Model::from_bytes(&bytes[..length]).is_err(), "{length} of {} bytes", bytes.len());
    }
}

#[test]
fn every_flipped_bit_is_refused() {
    let bytes = small().to_bytes();
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << bit;
            assert!(Model::from_bytes(&flipped).is_err(), "bit {bit} of byte {at}");
        }
    }
}

#[test]
fn refusals_name_the_reason() {
    let bytes = small().to_bytes();
    let text = |bytes: &[u8]| Model::from_bytes(bytes).unwrap_err().to_string();
    assert_eq!(Model::from_bytes(b"tree\n"), Err(FormatError::Magic));
    let mut newer = bytes.clone();
    newer[8] = 7;
    assert_eq!(text(&newer), "model format version 7 is unknown, this program reads version 1");
    let mut longer = bytes.clone();
    longer.push(0);
    assert_eq!(text(&longer), "1 bytes follow the last section");
    let mut damaged = bytes.clone();
    *damaged.last_mut().unwrap() ^= 1;
    assert_eq!(text(&damaged), "section `parameters`: the checksum does not match: the file is damaged");
    // a list that claims 2^60 elements
    let absurd = forge(&bytes, 3, &(1u64 << 60).to_le_bytes());
    assert!(text(&absurd).starts_with("section `quantiles`: "), "{}", text(&absurd));
}

#[test]
fn unsound_trees_are_refused() {
    let refuse = |change: &dyn Fn(&mut Model)| {
        let mut model = model(2, Shape { features: 3, trees: 6, leaves: 9 });
        model.trees.retain(|tree| tree.nodes.len() > 2);
        change(&mut model);
        match Model::from_bytes(&model.to_bytes()) {
            Err(FormatError::Model(fault)) => fault,
            other => panic!("expected a fault, found {other:?}"),
        }
    };
    let fault = refuse(&|m| m.trees[0].nodes[1].left = Child::Node(0));
    assert!(matches!(fault, ModelFault::Child { tree: 0, node: 1, .. }), "{fault}");
    let fault = refuse(&|m| m.trees[0].nodes[0].right = m.trees[0].nodes[0].left);
    assert!(matches!(fault, ModelFault::Reached { tree: 0, node: 0, .. }), "{fault}");
    let fault = refuse(&|m| m.trees[0].nodes[0].feature = 3);
    assert!(matches!(fault, ModelFault::Feature { feature: 3, n_features: 3, .. }), "{fault}");
    let fault = refuse(&|m| m.trees[0].leaves[1].value = f64::NAN);
    assert!(matches!(fault, ModelFault::NotFinite { index: 1, .. }), "{fault}");
    let fault = refuse(&|m| m.trees[0].leaves.truncate(1));
    assert!(matches!(fault, ModelFault::LeafCount { .. }), "{fault}");
    let fault = refuse(&|m| m.schema.features[1].name = "f0".into());
    assert_eq!(fault.to_string(), "feature `f0` appears more than once");
    let fault = refuse(&|m| m.quantiles = vec![vec![]]);
    assert!(matches!(fault, ModelFault::Quantiles { .. }), "{fault}");
}
