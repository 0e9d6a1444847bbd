//! The simulator: same settings same bytes, one continuous economy, plants that are really there, look-alikes as
//! common as plants, labels that come after the fact, and amounts and rhythms as they are in life.
#![cfg(feature = "aml")]

#[path = "simulate/shapes.rs"]
mod shapes;

use std::collections::{BTreeMap, BTreeSet};

use aml_miner::aml::simulate::{Intent, Plant, Simulation, SimulationError, is_malicious, simulate};
use aml_miner::aml::sot::{AddressLabel, Batch, Transfer, TransferRow};
use aml_miner::determinism::digest::{Digest, Hasher};
use chrono::NaiveDate;

fn small() -> Simulation {
    Simulation { addresses: 600, patterns: 8, ..Simulation::default() }
}

fn batches(simulation: &Simulation) -> Vec<Batch> {
    simulate(simulation).expect("legal settings").collect()
}

/// The content of every table, bit by bit.
fn digest(batches: &[Batch]) -> Digest {
    let mut hasher = Hasher::new();
    for batch in batches {
        hasher.text(&batch.id.name());
        for t in batch.transfers.iter().flat_map(|t| t.iter()) {
            [t.tx_id, t.event_index, t.edge_index, t.from_address, t.to_address]
                .into_iter()
                .for_each(|text| hasher.text(text));
            [t.asset_symbol, t.asset_contract].into_iter().for_each(|text| hasher.text(text));
            hasher.update(&t.block_height.to_le_bytes());
            hasher.update(&t.block_timestamp.to_le_bytes());
            [t.amount, t.amount_usd, t.fee]
                .into_iter()
                .for_each(|value| hasher.update(&value.to_bits().to_le_bytes()));
        }
        for l in batch.labels.iter().flatten() {
            [&l.network, &l.address, &l.label, &l.address_type, &l.address_subtype]
                .into_iter()
                .for_each(|text| hasher.text(text));
            [&l.trust_level, &l.source, &l.risk_level].into_iter().for_each(|text| hasher.text(text));
            hasher.update(&l.confidence_score.to_bits().to_le_bytes());
            hasher.update(&l.created_timestamp.unwrap_or(-1).to_le_bytes());
        }
        for a in batch.assets.iter().flatten() {
            [&a.asset_symbol, &a.asset_contract, &a.network].into_iter().for_each(|text| hasher.text(text));
        }
        for p in batch.asset_prices.iter().flatten() {
            hasher.text(&format!("{} {} {}", p.asset_symbol, p.asset_contract, p.price_date));
            hasher.update(&p.price_usd.to_bits().to_le_bytes());
        }
        for g in batch.ground_truth.iter().flatten() {
            [&g.address, &g.role, &g.pattern_type, &g.pattern_instance_id]
                .into_iter()
                .for_each(|text| hasher.text(text));
            hasher.update(&g.hop_distance.to_le_bytes());
        }
    }
    hasher.finish()
}

fn transfers(batch: &Batch) -> impl ExactSizeIterator<Item = TransferRow<'_>> {
    batch.transfers.as_ref().expect("generation 3 has transfers").iter()
}

#[test]
fn same_settings_give_the_same_bytes_and_another_seed_others() {
    let first = digest(&batches(&small()));
    assert_eq!(first, digest(&batches(&small())));
    let elsewhere = std::thread::spawn(|| digest(&batches(&small()))).join().expect("no panic");
    assert_eq!(first, elsewhere);
    assert_ne!(first, digest(&batches(&Simulation { seed: 43, ..small() })));
    assert_ne!(first, digest(&batches(&Simulation { network: "bittensor".to_owned(), ..small() })));
}

/// Models are trained on this generator's output and judged by it: a change of one bit is a new generator, which
/// `docs/simulator.md` must say and after which every figure must be measured again.
#[test]
fn the_generator_is_frozen() {
    let reference = Simulation { days: 2, ..Simulation::default() };
    assert_eq!(digest(&batches(&reference)).to_string(), FROZEN);
    let document = include_str!("../docs/simulator.md");
    assert!(document.contains(FROZEN), "docs/simulator.md does not name the digest");
}

#[test]
fn overlapping_windows_hold_the_same_transfers() {
    let days = batches(&Simulation { days: 3, ..small() });
    assert_eq!(days.len(), 3);
    for pair in days.windows(2) {
        let shared = pair[1].id.window_ms().start..pair[0].id.window_ms().end;
        let within = |batch: &Batch| -> Vec<Transfer> {
            transfers(batch).filter(|t| shared.contains(&t.block_timestamp)).map(Transfer::from).collect()
        };
        assert!(within(&pair[0]).len() > 1_000);
        assert_eq!(within(&pair[0]), within(&pair[1]));
    }
}

#[test]
fn a_batch_does_not_depend_on_the_days_around_it() {
    let days = batches(&Simulation { days: 4, ..small() });
    let from = small().from + chrono::Days::new(2);
    let alone = batches(&Simulation { from, ..small() });
    assert_eq!(digest(&days[2..3]), digest(&alone));
}

#[test]
fn rising_shops_are_the_same_whatever_the_days_and_change_nothing_else() {
    let with = Simulation { rising: 6, ..small() };
    let days = batches(&Simulation { days: 3, ..with.clone() });
    let from = small().from + chrono::Days::new(2);
    assert_eq!(digest(&days[2..3]), digest(&batches(&Simulation { from, ..with.clone() })));
    let (with, without) = (batches(&with), batches(&small()));
    let of = |batch: &Batch| -> Vec<(i64, String, String)> {
        let rows = transfers(batch);
        rows.map(|t| (t.block_timestamp, t.from_address.to_owned(), t.to_address.to_owned())).collect()
    };
    let (mut all, shared) = (of(&with[0]), of(&without[0]));
    assert!(all.len() > shared.len() + 100, "{} {}", all.len(), shared.len());
    all.sort();
    assert!(shared.iter().all(|row| all.binary_search(row).is_ok()));
}

#[test]
fn rows_are_valid_and_sorted_by_key() {
    let batch = &batches(&small())[0];
    let window = batch.id.window_ms();
    let keys: Vec<_> = transfers(batch).map(|t| (t.tx_id, t.event_index, t.edge_index)).collect();
    assert!(keys.windows(2).all(|pair| pair[0] < pair[1]));
    for t in transfers(batch) {
        assert!(window.contains(&t.block_timestamp), "{t:?}");
        assert_ne!(t.from_address, t.to_address);
        for value in [t.amount, t.amount_usd, t.fee] {
            assert!(value.is_finite() && value > 0.0, "{t:?}");
            assert!(value < 1e12 && ((value * 1e6).round() / 1e6 - value).abs() == 0.0, "{t:?}");
        }
    }
    let symbols: BTreeSet<_> = transfers(batch).map(|t| t.asset_symbol).collect();
    assert!(symbols.len() >= 3, "{symbols:?}");
    let prices = batch.asset_prices.as_deref().expect("prices");
    assert_eq!(prices.len(), 4 * 30);
    assert!(prices.iter().all(|p| p.price_usd > 0.0));
}

#[test]
fn planted_hops_are_among_the_transfers_and_members_in_the_ground_truth() {
    let mut simulated = simulate(&small()).expect("legal settings");
    let plants: Vec<Plant> = simulated.plants().collect();
    let batch = simulated.next().expect("one day");
    let paid: BTreeSet<(i64, &str, &str)> =
        transfers(&batch).map(|t| (t.block_timestamp, t.from_address, t.to_address)).collect();
    let truth: BTreeSet<(&str, &str)> =
        (batch.ground_truth.iter().flatten()).map(|g| (&*g.pattern_instance_id, &*g.address)).collect();
    let active: BTreeSet<&str> = paid.iter().flat_map(|(_, from, to)| [*from, *to]).collect();
    let mut hops = 0;
    for plant in &plants {
        for (at, from, to) in &plant.hops {
            assert!(paid.contains(&(*at, from.as_str(), to.as_str())), "{plant:?}");
            assert!(truth.contains(&(plant.instance.as_str(), from.as_str())));
            assert!(truth.contains(&(plant.instance.as_str(), to.as_str())));
            hops += 1;
        }
    }
    assert!(hops > 200, "{hops}");
    assert!(truth.iter().all(|(_, address)| active.contains(address)));
}

#[test]
fn look_alikes_are_as_common_as_plants_and_never_malicious() {
    let simulated =
        simulate(&Simulation { addresses: 4_000, patterns: 60, ..small() }).expect("legal settings");
    let mut shapes: BTreeMap<_, [u32; 2]> = BTreeMap::new();
    for plant in simulated.plants() {
        shapes.entry(plant.shape).or_default()[plant.intent as usize] += 1;
    }
    assert_eq!(shapes.len(), 5);
    let total = shapes.values().fold([0, 0], |sum, n| [sum[0] + n[0], sum[1] + n[1]]);
    let ratio = f64::from(total[1]) / f64::from(total[0]);
    // both begin equally often; look-alikes go on longer, so more of them reach into a window
    assert!((1.0..2.1).contains(&ratio), "{shapes:?}");
    assert!(shapes.values().all(|n| n[1] * 3 >= n[0]), "{shapes:?}");
    let intents: BTreeMap<String, Intent> = simulated.plants().map(|p| (p.instance, p.intent)).collect();
    for batch in simulated {
        for g in batch.ground_truth.iter().flatten() {
            let malicious = intents[&g.pattern_instance_id] == Intent::Laundering;
            assert_eq!(is_malicious(&g.role), malicious, "{g:?}");
        }
    }
}

#[test]
fn labels_of_schemes_come_after_the_scheme_and_are_mostly_right() {
    let simulation = Simulation { addresses: 3_000, patterns: 50, ..small() };
    let mut simulated = simulate(&simulation).expect("legal settings");
    let mut last: BTreeMap<String, i64> = BTreeMap::new();
    for (at, from, to) in simulated.plants().flat_map(|plant| plant.hops) {
        for address in [from, to] {
            let latest = last.entry(address).or_insert(at);
            *latest = at.max(*latest);
        }
    }
    let batch = simulated.next().expect("one day");
    let roles: BTreeMap<&str, bool> =
        batch.ground_truth.iter().flatten().map(|g| (&*g.address, is_malicious(&g.role))).collect();
    let (mut right, mut wrong, mut after_batch) = (0, 0, 0);
    let mut labelled = BTreeSet::new();
    for label in batch.labels.iter().flatten() {
        let Some(&malicious) = roles.get(&*label.address) else { continue };
        let created = label.created_timestamp.expect("every label is dated");
        if label.source != "public_list" {
            assert!(created > last[&label.address], "{label:?}");
        }
        after_batch += i32::from(created > batch.id.window_ms().end);
        labelled.insert(&label.address);
        let accused = label.risk_level == "high" || label.risk_level == "critical";
        if accused == malicious { right += 1 } else { wrong += 1 }
    }
    assert!(right > 15 * wrong && wrong > 0, "{right} right, {wrong} wrong");
    assert!(after_batch * 5 > right, "{after_batch} of {right} after the batch");
    let coverage = labelled.len() as f64 / roles.len() as f64;
    assert!((0.65..0.95).contains(&coverage), "{coverage}");
    let risks: BTreeSet<&str> = batch.labels.iter().flatten().map(|l| &*l.risk_level).collect();
    assert_eq!(risks, BTreeSet::from(["critical", "high", "low", "medium"]));
}

#[test]
fn who_stands_near_the_source_is_judged_harder() {
    let batch = &batches(&Simulation { addresses: 3_000, patterns: 50, ..small() })[0];
    let mut hops: BTreeMap<&str, BTreeSet<bool>> = BTreeMap::new();
    for row in batch.ground_truth.iter().flatten() {
        hops.entry(&row.address).or_default().insert(row.hop_distance <= 1);
    }
    let share = |near: bool| {
        let first = |label: &&AddressLabel| {
            label.source != "community_reports" && hops.get(&*label.address) == Some(&BTreeSet::from([near]))
        };
        let of = |risk| batch.labels.iter().flatten().filter(first).filter(|l| l.risk_level == risk).count();
        let (critical, high) = (of("critical"), of("high"));
        assert!(critical + high > 30, "{critical} {high}");
        critical as f64 / (critical + high) as f64
    };
    let (near, beyond) = (share(true), share(false));
    assert!((0.5..0.7).contains(&near) && beyond < 0.2, "{near} {beyond}");
}

#[test]
fn no_coverage_means_no_labels_and_no_patterns_no_truth() {
    let batch = &batches(&Simulation { label_coverage: 0.0, patterns: 0, ..small() })[0];
    assert_eq!(batch.labels.as_deref().map(<[_]>::len), Some(0));
    assert_eq!(batch.ground_truth.as_deref().map(<[_]>::len), Some(0));
    assert!(transfers(batch).len() > 0);
}

#[test]
fn amounts_are_heavy_tailed_and_days_have_a_rhythm() {
    let batch = &batches(&Simulation { addresses: 3_000, window_days: 28, ..small() })[0];
    let mut usd: Vec<f64> = transfers(batch).map(|t| t.amount_usd).collect();
    usd.sort_by(f64::total_cmp);
    let quantile = |q: f64| usd[(q * usd.len() as f64) as usize];
    assert!(quantile(0.99) / quantile(0.5) > 50.0, "{} {}", quantile(0.99), quantile(0.5));
    let sum: f64 = usd.iter().sum();
    let top: f64 = usd[usd.len() * 99 / 100..].iter().sum();
    assert!(top / sum > 0.25, "{}", top / sum);
    let mut weekdays = [0_u32; 7];
    let mut hours = [0_u32; 24];
    for t in transfers(batch) {
        weekdays[((t.block_timestamp / 86_400_000 + 3) % 7) as usize] += 1;
        hours[(t.block_timestamp / 3_600_000 % 24) as usize] += 1;
    }
    assert!(weekdays[5] + weekdays[6] < (weekdays[1] + weekdays[2]) * 9 / 10, "{weekdays:?}");
    assert!(hours.iter().max() > hours.iter().min().map(|least| least * 2).as_ref(), "{hours:?}");
}

#[test]
fn settings_out_of_range_are_named() {
    let cases = [
        (Simulation { days: 0, ..small() }, "days"),
        (Simulation { window_days: 0, ..small() }, "window_days"),
        (Simulation { addresses: 3, ..small() }, "addresses"),
        (Simulation { patterns: 601, ..small() }, "patterns"),
        (Simulation { rising: 61, ..small() }, "rising"),
        (Simulation { label_coverage: f64::NAN, ..small() }, "label_coverage"),
        (Simulation { label_noise: 0.6, ..small() }, "label_noise"),
        (Simulation { observed: 1.1, ..small() }, "observed"),
        (Simulation { from: NaiveDate::MIN, ..small() }, "from"),
        // its longest window would begin before blocks do
        (Simulation { from: NaiveDate::from_ymd_opt(2010, 12, 31).expect("a date"), ..small() }, "from"),
    ];
    for (simulation, name) in cases {
        match simulate(&simulation) {
            Err(SimulationError::Range { setting, .. }) => assert_eq!(setting, name),
            other => panic!("{name}: {other:?}"),
        }
    }
    for network in ["", "Torus", "../torus", "1torus", "a-b"] {
        let simulation = Simulation { network: network.to_owned(), ..small() };
        let error = simulate(&simulation).expect_err("an illegal name");
        assert!(error.to_string().contains(&format!("{network:?}")), "{error}");
    }
}

fn rows_agree<R: PartialEq + std::fmt::Debug>(read: Option<&[R]>, made: Option<&[R]>) {
    let (read, made) = (read.expect("it was written"), made.expect("it was made"));
    assert_eq!(read.len(), made.len());
    read.iter().zip(made).for_each(|(read, made)| assert_eq!(read, made));
}

/// What is written and read back is what was simulated, to the bit.
#[test]
fn written_batches_open_to_the_same_tables() {
    use aml_miner::aml::sot::{TableKind, write_batch};
    let folder = tempfile::tempdir().expect("a temporary folder");
    let simulated = batches(&small());
    write_batch(folder.path(), &simulated[0], &TableKind::ALL).expect("a writable folder");
    let read = Batch::open(folder.path()).expect("a legal batch");
    let made = &simulated[0];
    assert_eq!(read.id, made.id);
    assert_eq!(read.transfers, made.transfers);
    rows_agree(read.labels.as_deref(), made.labels.as_deref());
    // the frozen generator lists assets by symbol, a batch that was opened by contract
    let mut assets = made.assets.clone().expect("generation 3 has assets");
    assets.sort_by(|a, b| a.asset_contract.cmp(&b.asset_contract));
    rows_agree(read.assets.as_deref(), Some(&assets));
    rows_agree(read.asset_prices.as_deref(), made.asset_prices.as_deref());
    rows_agree(read.ground_truth.as_deref(), made.ground_truth.as_deref());
}

#[cfg(feature = "cli")]
mod command {
    use std::fs;
    use std::path::{Path, PathBuf};
    use std::process::{Command, Output};

    use aml_miner::aml::sot::Batch;

    /// The arguments that `fixtures/README.md` records.
    const DEMO: &str =
        "--seed 42 --network torus --from 2025-11-03 --window-days 30 --addresses 1200 --patterns 16";
    const GEN1: &str = "--seed 7 --network torus --from 2025-11-03 --window-days 7 --addresses 160 --patterns 3 --generation 1";

    fn simulate(output: &Path, arguments: &str) -> Output {
        Command::new(env!("CARGO_BIN_EXE_aml-miner"))
            .args(["simulate", "--quiet", "--output"])
            .arg(output)
            .args(arguments.split(' '))
            .output()
            .expect("the binary runs")
    }

    fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
        let mut found = Vec::new();
        let mut open = vec![folder.to_owned()];
        while let Some(here) = open.pop() {
            for entry in fs::read_dir(&here).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    open.push(path);
                } else {
                    let bytes = fs::read(&path).expect("a file");
                    found.push((path.strip_prefix(folder).expect("below").to_owned(), bytes));
                }
            }
        }
        found.sort();
        found
    }

    #[test]
    fn fixtures_regenerate_to_the_same_bytes() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
        let readme = fs::read_to_string(root.join("README.md")).expect("fixtures/README.md");
        for (name, arguments, limit) in [("demo", DEMO, 1_700_000), ("gen1", GEN1, 300_000)] {
            assert!(
                readme.contains(&format!("aml-miner simulate --output fixtures/{name} {arguments}")),
                "{name}"
            );
            let folder = tempfile::tempdir().expect("a temporary folder");
            let output = simulate(&folder.path().join(name), arguments);
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let (made, kept) = (files(&folder.path().join(name)), files(&root.join(name)));
            let names = |files: &[(PathBuf, Vec<u8>)]| files.iter().map(|f| f.0.clone()).collect::<Vec<_>>();
            assert_eq!(names(&made), names(&kept));
            for ((path, made), (_, kept)) in made.iter().zip(&kept) {
                assert!(made == kept, "{name}/{}: made again it differs", path.display());
            }
            let bytes: usize = kept.iter().map(|file| file.1.len()).sum();
            assert!(bytes <= limit, "{name}: {bytes} bytes");
        }
    }

    #[test]
    fn every_generation_holds_its_tables() {
        let small = "--addresses 120 --patterns 2 --window-days 10 --network bitcoin --generation";
        for generation in 1..=3 {
            let folder = tempfile::tempdir().expect("a temporary folder");
            assert!(simulate(folder.path(), &format!("{small} {generation}")).status.success());
            let batch = Batch::open(&folder.path().join("snapshots/bitcoin/2025-11-03/10")).expect("a batch");
            assert_eq!(batch.alerts.is_some(), generation == 1);
            assert_eq!(batch.clusters.is_some(), generation == 1);
            assert_eq!(batch.patterns.is_some(), generation == 2);
            assert_eq!(batch.features.is_some(), generation < 3);
            assert_eq!(batch.money_flows.is_some(), generation < 3);
            assert_eq!(batch.transfers.is_some(), generation == 3);
            assert!(batch.labels.is_some() && batch.ground_truth.is_some());
        }
    }

    #[test]
    fn shapes_and_what_is_seen_of_them_are_chosen_by_option() {
        let small = "--addresses 120 --patterns 12 --window-days 10";
        let batch = |options: &str| {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let output = simulate(folder.path(), &format!("{small}{options}"));
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            Batch::open(&folder.path().join("snapshots/torus/2025-11-03/10")).expect("a batch")
        };
        let types = |batch: &Batch| -> std::collections::BTreeSet<String> {
            batch.ground_truth.iter().flatten().map(|g| g.pattern_type.clone()).collect()
        };
        let n_transfers = |batch: &Batch| batch.transfers.as_ref().map_or(0, |t| t.len());
        let usual = batch("");
        let spelled = " --shapes cycle=0.24,layering=0.24,fan-in=0.2,smurfing=0.2,fan-out=0.12 --observed 1 \
            --label-noise 0.02 --label-coverage 1";
        let spelled: Vec<&str> = spelled.split_whitespace().collect();
        assert_eq!(batch(&format!(" {}", spelled.join(" "))).transfers, usual.transfers);
        let peels = batch(" --shapes peel-chain --label-coverage 0");
        let expected = ["Change Address Spending", "Classic Peel Chain"].map(str::to_owned);
        assert_eq!(types(&peels), expected.into());
        assert_eq!(peels.labels.as_deref().map(<[_]>::len), Some(0));
        assert!(types(&batch(" --shapes all")).len() > 10);
        assert!(n_transfers(&batch(" --observed 0.5")) * 3 < n_transfers(&usual) * 2);
        for (options, expected) in [
            ("--shapes peel", "dormant-reactivation"),
            ("--shapes cycle=0", "weight of cycle: expected a number above 0"),
            ("--observed 2", "observed: expected 0 to 1, found 2"),
            ("--label-noise 0.7", "label_noise: expected 0 to 0.5"),
        ] {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let refused = simulate(folder.path(), options);
            assert_eq!(refused.status.code(), Some(2), "{options}");
            assert!(String::from_utf8_lossy(&refused.stderr).contains(expected), "{options}: {refused:?}");
        }
        let help = simulate(Path::new("unused"), "--help");
        let help = String::from_utf8_lossy(&help.stdout).into_owned();
        for shape in aml_miner::aml::simulate::Shape::ALL {
            assert!(help.contains(shape.name()), "{help}");
        }
    }

    #[test]
    fn a_used_folder_and_a_bad_setting_are_refused() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let bad = simulate(folder.path(), "--addresses 3");
        assert_eq!(bad.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&bad.stderr).contains("addresses: expected 50 to"), "{bad:?}");
        assert_eq!(files(folder.path()), []);
        fs::write(folder.path().join("kept.txt"), "mine").expect("a writable folder");
        let used = simulate(folder.path(), "--addresses 100 --patterns 1");
        assert_eq!(used.status.code(), Some(2));
        assert!(
            String::from_utf8_lossy(&used.stderr).contains("expected an absent or empty folder"),
            "{used:?}"
        );
        assert_eq!(files(folder.path()).len(), 1);
    }
}

const FROZEN: &str = "31b51fe42b2442ad628de650b8a098b2918dbbee930ff920f98d72fc42ddd484";
