//! What changed since an earlier batch: equal to two derivations compared by hand, and only for who may be compared.

use aml_miner::aml::derive::{Extent, Previous, PreviousError, address_features, complete};
use aml_miner::aml::features::{Family, FeatureSet};
use aml_miner::aml::sot::{Batch, CHANGES, Transfer};
use chrono::Days;
use proptest::prelude::*;

use crate::network::{batch, completed, pay, transfers};

/// The batch of so many days before, with these transfers.
fn earlier(transfers: &[Transfer], days: u64) -> Batch {
    let mut earlier = batch(transfers.to_vec());
    earlier.id.processing_date = earlier.id.processing_date - Days::new(days);
    let back = i64::try_from(days).expect("few") * 86_400_000;
    let moved = |t: &Transfer| Transfer { block_timestamp: t.block_timestamp - back, ..t.clone() };
    earlier.transfers = Some(transfers.iter().map(moved).collect());
    earlier
}

fn derived(today: Batch, before: Batch) -> Batch {
    let previous = Previous::of(&today.id, before).expect("comparable");
    completed(today, Extent { previous: Some(&previous), ..Extent::default() })
}

proptest! {
    #[test]
    fn changes_are_two_rows_compared(
        today in transfers(30),
        before in transfers(30),
        days in 1_u64..4,
        own_features in any::<bool>(),
    ) {
        let rows = |of: &[Transfer]| {
            address_features(complete(batch(of.to_vec())).money_flows.as_deref().expect("flows"), Some(of))
        };
        let (now, then) = (rows(&today), rows(&before));
        let today = if own_features { complete(batch(today)) } else { batch(today) };
        let found = derived(today, earlier(&before, days)).features.expect("derived");
        for name in now.addresses.names() {
            let was_there = then.addresses.get(name).is_some();
            for change in CHANGES {
                let expected = if let Some(of) = change.name.strip_prefix("delta_") {
                    let then = if was_there { then.value(name, of) } else { 0.0 };
                    (now.value(name, of) - then) / days as f64
                } else if let Some(of) = change.name.strip_prefix("growth_") {
                    let then = then.value(name, of);
                    if then == 0.0 { f64::NAN } else { now.value(name, of) / then }
                } else {
                    f64::from(u8::from(!was_there))
                };
                let value = found.value(name, change.name);
                let equal = value == expected || (value.is_nan() && expected.is_nan());
                prop_assert!(equal, "{name} {}: {value}, expected {expected}", change.name);
            }
        }
    }
}

#[test]
fn models_read_what_changed_and_nothing_where_it_is_unknown() {
    let set = FeatureSet::alerts().without(|feature| feature.family != Family::Change);
    assert_eq!(set.features().len(), CHANGES.len());
    // a hundred payments below a limit raise an alert
    let many =
        |n: u32| (0..n).map(|i| pay("a", &format!("b{}", i % 7), 9_400.0, 24.0 + f64::from(i))).collect();
    let today: Vec<Transfer> = many(120);
    let alone = complete(batch(today.clone()));
    let names: Vec<_> = set.features().iter().map(|feature| feature.name.clone()).collect();
    let of = |batch: &Batch, name: &str| {
        let row = batch.alerts.iter().flatten().position(|alert| alert.address == "a").expect("an alert");
        let mut values = vec![0.0; names.len()];
        set.reader(batch).read(row, &mut values);
        values[names.iter().position(|known| known == name).expect("known")]
    };
    assert!(names.iter().all(|name| of(&alone, name).is_nan()));
    let compared = derived(batch(today), earlier(&many(60), 2));
    assert_eq!(of(&compared, "delta_tx_out_count"), 30.0);
    assert_eq!(of(&compared, "growth_tx_total_count"), 2.0);
    assert_eq!(of(&compared, "new_since_previous"), 0.0);
}

#[test]
fn batches_that_cannot_be_compared_are_named() {
    let today = batch(vec![pay("a", "b", 5.0, 1.0)]);
    let refused = |change: &dyn Fn(&mut Batch)| {
        let mut before = earlier(&[pay("a", "b", 5.0, 1.0)], 1);
        change(&mut before);
        Previous::of(&today.id, before).expect_err("refused")
    };
    let kind = |error: &PreviousError| matches!(error, PreviousError::Kind { .. });
    assert!(kind(&refused(&|b| b.id.network = "other".to_owned())));
    assert!(kind(&refused(&|b| b.id.window_days += 1)));
    let same_day = refused(&|b| b.id.processing_date = today.id.processing_date);
    assert!(matches!(same_day, PreviousError::Date { .. }));
    assert!(matches!(refused(&|b| b.transfers = None), PreviousError::Empty { .. }));
}
