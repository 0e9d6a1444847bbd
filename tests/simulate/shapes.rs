//! The shapes beyond the frozen five: each is, with either intent, what its name says.

use std::collections::{BTreeMap, BTreeSet};

use aml_miner::aml::simulate::{
    Intent, Plant, Repertoire, RepertoireError, Shape, Simulation, is_malicious, simulate,
};
use aml_miner::aml::sot::{Batch, Transfer, TransferRow};
use aml_miner::aml::target;

use super::{batches, digest, small, transfers};

const DAY_MS: i64 = 86_400_000;
const HOUR_MS: i64 = 3_600_000;

/// Schemes of one shape that neither end of the window cuts off, and the batch in which they stand.
struct Planted {
    plants: Vec<Plant>,
    batch: Batch,
    roles: BTreeMap<(String, String), String>,
}

impl Planted {
    fn of(shape: Shape) -> Self {
        let shapes = shape.name().parse().expect("a name of a shape");
        let simulation = Simulation { shapes, window_days: 200, addresses: 600, patterns: 60, ..small() };
        let mut simulated = simulate(&simulation).expect("legal settings");
        let all: Vec<Plant> = simulated.plants().collect();
        let batch = simulated.next().expect("one day");
        let window = batch.id.window_ms();
        // longer than any pause within a scheme
        let inner = window.start + 60 * DAY_MS..window.end - 40 * DAY_MS;
        let whole = |plant: &Plant| plant.hops.iter().all(|hop| inner.contains(&hop.0));
        assert!(all.iter().all(|plant| plant.shape == shape));
        let roles = batch.ground_truth.iter().flatten();
        let roles =
            roles.map(|g| ((g.pattern_instance_id.clone(), g.address.clone()), g.role.clone())).collect();
        let planted = Planted { plants: all.into_iter().filter(whole).collect(), batch, roles };
        for intent in [Intent::Laundering, Intent::Innocent] {
            let found = planted.plants.iter().filter(|plant| plant.intent == intent).count();
            assert!(found >= 5, "{shape:?} {intent:?}: {found}");
        }
        planted
    }

    /// The role of an address in a scheme; none for services that are no members.
    fn role(&self, plant: &Plant, address: &str) -> &str {
        self.roles.get(&(plant.instance.clone(), address.to_owned())).map_or("", String::as_str)
    }

    /// The hops of a scheme in the order in which they were decided, with their dollars.
    fn paid(&self, plant: &Plant) -> Vec<(i64, String, String, f64)> {
        let mut usd: BTreeMap<(i64, &str, &str), Vec<TransferRow<'_>>> = BTreeMap::new();
        for t in transfers(&self.batch) {
            usd.entry((t.block_timestamp, t.from_address, t.to_address)).or_default().push(t);
        }
        let paid = plant.hops.iter().map(|(at, from, to)| {
            let rows = &usd[&(*at, from.as_str(), to.as_str())];
            (*at, from.clone(), to.clone(), rows[0].amount_usd)
        });
        paid.collect()
    }
}

/// Whom each address pays, and who pays it, within a scheme.
fn neighbours(plant: &Plant) -> [BTreeMap<&str, BTreeSet<&str>>; 2] {
    let mut sides = [BTreeMap::new(), BTreeMap::new()];
    for (_, from, to) in &plant.hops {
        sides[0].entry(from.as_str()).or_insert_with(BTreeSet::new).insert(to.as_str());
        sides[1].entry(to.as_str()).or_insert_with(BTreeSet::new).insert(from.as_str());
    }
    sides
}

/// Addresses that only pay, that do both, and that are only paid.
fn sides(plant: &Plant) -> [BTreeSet<&str>; 3] {
    let [pays, paid] = neighbours(plant);
    let (payers, payees): (BTreeSet<&str>, BTreeSet<&str>) =
        (pays.keys().copied().collect(), paid.keys().copied().collect());
    [
        payers.difference(&payees).copied().collect(),
        payers.intersection(&payees).copied().collect(),
        payees.difference(&payers).copied().collect(),
    ]
}

#[test]
fn every_shape_is_asked_for_by_name_and_has_names_of_its_own() {
    let names: BTreeSet<&str> = Shape::ALL.into_iter().map(Shape::name).collect();
    assert_eq!(names.len(), Shape::ALL.len());
    let types: BTreeSet<&str> = (Shape::ALL.into_iter())
        .flat_map(|shape| [Intent::Laundering, Intent::Innocent].map(|intent| shape.pattern_type(intent)))
        .collect();
    assert_eq!(types.len(), 2 * Shape::ALL.len());
    let document = include_str!("../../docs/simulator.md");
    for name in names.into_iter().chain(types) {
        assert!(document.contains(name), "docs/simulator.md does not name {name}");
    }
}

#[test]
fn repertoires_are_read_and_faults_named() {
    let parse = |text: &str| text.parse::<Repertoire>();
    assert_eq!(parse("all"), Ok(Repertoire::all()));
    assert_eq!(parse("sybil=0.5, cycle"), parse("cycle=1,sybil=0.50"));
    assert_eq!(
        parse("cycle=0.24,layering=0.24,fan-in=0.2,smurfing=0.2,fan-out=0.12"),
        Ok(Repertoire::default())
    );
    for text in ["", "cycles", "cycle=1,", "Cycle", "all,cycle"] {
        let error = parse(text).expect_err("no shapes");
        assert!(matches!(error, RepertoireError::Shape { .. }), "{text}: {error}");
        assert!(Shape::ALL.iter().all(|shape| error.to_string().contains(shape.name())), "{error}");
    }
    for text in ["cycle=0", "cycle=-1", "cycle=", "cycle=nan", "cycle=inf", "cycle=x", "cycle=1000001"] {
        let error = parse(text).expect_err("no weight");
        assert!(matches!(error, RepertoireError::Weight { shape: "cycle", .. }), "{text}: {error}");
    }
    assert_eq!(parse("cycle,burst,cycle=2"), Err(RepertoireError::Twice { shape: "cycle" }));
}

#[test]
fn all_shapes_are_planted_alike_often_and_their_roles_tell_the_intent() {
    let all = Simulation { shapes: Repertoire::all(), addresses: 4_000, patterns: 300, ..small() };
    let simulated = simulate(&all).expect("legal settings");
    let mut counts: BTreeMap<Shape, [u32; 2]> = BTreeMap::new();
    let mut intents: BTreeMap<String, Intent> = BTreeMap::new();
    for plant in simulated.plants() {
        counts.entry(plant.shape).or_default()[plant.intent as usize] += 1;
        intents.insert(plant.instance, plant.intent);
    }
    assert_eq!(counts.len(), Shape::ALL.len());
    assert!(counts.values().flatten().all(|&n| (5..120).contains(&n)), "{counts:?}");
    for batch in simulated {
        let mut roles = BTreeSet::new();
        for g in batch.ground_truth.iter().flatten() {
            let malicious = intents[&g.pattern_instance_id] == Intent::Laundering;
            assert_eq!(is_malicious(&g.role), malicious, "{g:?}");
            assert_eq!(target::is_malicious(&g.role), malicious, "models are judged by another truth: {g:?}");
            roles.insert(g.role.as_str());
        }
        let document = include_str!("../../docs/simulator.md");
        assert!(roles.iter().all(|role| document.contains(role)), "docs/simulator.md lacks one of {roles:?}");
    }
}

/// The invariants of the frozen generator hold with everything switched on.
#[test]
fn all_shapes_keep_days_continuous_and_bytes_the_same() {
    let all = Simulation { shapes: Repertoire::all(), observed: 0.8, patterns: 40, rising: 3, ..small() };
    let days = batches(&Simulation { days: 3, ..all.clone() });
    assert_eq!(digest(&days), digest(&batches(&Simulation { days: 3, ..all.clone() })));
    let from = all.from + chrono::Days::new(2);
    assert_eq!(digest(&days[2..3]), digest(&batches(&Simulation { from, ..all.clone() })));
    let shared = days[1].id.window_ms().start..days[0].id.window_ms().end;
    let within = |batch: &Batch| -> Vec<Transfer> {
        transfers(batch).filter(|t| shared.contains(&t.block_timestamp)).map(Transfer::from).collect()
    };
    assert_eq!(within(&days[0]), within(&days[1]));
    for t in transfers(&days[0]) {
        assert_ne!(t.from_address, t.to_address);
        assert!(t.amount > 0.0 && t.amount_usd > 0.0 && t.amount_usd.is_finite(), "{t:?}");
    }
    let other = Simulation { shapes: "cycle".parse().expect("a shape"), ..all };
    assert_ne!(digest(&days[0..1]), digest(&batches(&other)));
}

#[test]
fn a_scatter_gather_goes_through_many_hands_into_one() {
    for plant in &Planted::of(Shape::ScatterGather).plants {
        let [sources, mules, dests] = sides(plant);
        assert_eq!((sources.len(), dests.len()), (1, 1), "{plant:?}");
        assert!(mules.len() >= 5, "{plant:?}");
        let [pays, paid] = neighbours(plant);
        assert!(mules.iter().all(|mule| pays[mule] == dests && paid[mule] == sources));
    }
}

#[test]
fn a_gather_scatter_collects_before_it_pays_out() {
    for plant in &Planted::of(Shape::GatherScatter).plants {
        let [sources, hub, dests] = sides(plant);
        assert_eq!(hub.len(), 1, "{plant:?}");
        assert!(sources.len() >= 4 && dests.len() >= 4, "{plant:?}");
        let of = |end: fn(&(i64, String, String)) -> &str| {
            plant.hops.iter().filter(|hop| hub.contains(end(hop))).map(|hop| hop.0).min().expect("some")
        };
        assert!(of(|hop| &hop.2) < of(|hop| &hop.1), "it pays out before it received: {plant:?}");
    }
}

#[test]
fn a_bipartite_scheme_has_two_sides_and_everybody_pays_several() {
    for plant in &Planted::of(Shape::Bipartite).plants {
        let [payers, both, payees] = sides(plant);
        assert!(both.is_empty(), "{plant:?}");
        assert!(payers.len() >= 3 && payees.len() >= 3, "{plant:?}");
        assert!(neighbours(plant)[0].values().all(|payees| payees.len() >= 2), "{plant:?}");
    }
}

#[test]
fn a_stack_has_layers_that_pay_only_the_next() {
    let planted = Planted::of(Shape::Stack);
    let mut deepest = 0;
    for plant in &planted.plants {
        let [sources, ..] = sides(plant);
        let [pays, _] = neighbours(plant);
        let mut depths: BTreeMap<&str, usize> = BTreeMap::new();
        let mut layer = sources;
        for depth in 0.. {
            for address in &layer {
                assert_eq!(*depths.entry(address).or_insert(depth), depth, "in two layers: {plant:?}");
            }
            layer = layer.iter().flat_map(|address| pays.get(address)).flatten().copied().collect();
            if layer.is_empty() {
                assert!((2..=3).contains(&depth), "{depth} layers of payments: {plant:?}");
                deepest = deepest.max(depth);
                break;
            }
        }
        assert!(plant.hops.iter().all(|(_, from, to)| depths[to.as_str()] == depths[from.as_str()] + 1));
    }
    assert_eq!(deepest, 3);
}

#[test]
fn a_peel_chain_carries_less_and_less() {
    let planted = Planted::of(Shape::PeelChain);
    for plant in &planted.plants {
        let hops = planted.paid(plant);
        let carries = |address: &str| matches!(planted.role(plant, address), "mule" | "change_address");
        let chain: Vec<_> = hops.iter().filter(|hop| carries(&hop.2)).collect();
        let follows = |pair: &&[&(i64, String, String, f64)]| pair[0].2 == pair[1].1;
        let pairs: Vec<_> = chain.windows(2).filter(&follows).collect();
        assert!(pairs.len() >= 3, "{plant:?}");
        for pair in pairs {
            assert!(pair[1].3 < 0.97 * pair[0].3, "{} after {}", pair[1].3, pair[0].3);
            assert!(pair[1].0 >= pair[0].0);
        }
        // at each step somebody is paid a small piece of what came
        for pair in chain.windows(2).filter(follows) {
            let piece = |hop: &&(i64, String, String, f64)| {
                (hop.0, &hop.1) == (pair[1].0, &pair[1].1) && hop.2 != pair[1].2
            };
            let share = hops.iter().find(piece).expect("a piece is peeled off").3 / pair[0].3;
            assert!((0.03..0.24).contains(&share), "{share}");
        }
    }
}

#[test]
fn a_mixer_takes_and_gives_equal_sums_and_serves_the_honest_too() {
    let planted = Planted::of(Shape::Mixer);
    let mut services = BTreeSet::new();
    for plant in &planted.plants {
        let [depositors, service, recipients] = sides(plant);
        assert_eq!(service.len(), 1, "{plant:?}");
        let service = *service.first().expect("one");
        assert_eq!(planted.role(plant, service), "", "the service is no member");
        assert!(recipients.len() >= 2 && !depositors.is_empty());
        for (_, _, _, usd) in planted.paid(plant) {
            let nearest = [100.0, 1_000.0, 10_000.0].map(|sum: f64| (usd / sum - 1.0).abs());
            assert!(nearest.into_iter().any(|off| off < 0.02), "{usd}");
        }
        let balance = |side: fn(&(i64, String, String)) -> &str| {
            plant.hops.iter().filter(|hop| side(hop) == service).count()
        };
        assert_eq!(balance(|hop| &hop.1), balance(|hop| &hop.2));
        services.insert(service);
    }
    let members: BTreeSet<&str> =
        planted.batch.ground_truth.iter().flatten().map(|g| g.address.as_str()).collect();
    let by_others = transfers(&planted.batch)
        .filter(|t| services.contains(t.to_address) && !members.contains(t.from_address));
    let by_others = by_others.count();
    assert!(by_others > 500, "{by_others}");
    let amounts: BTreeSet<u64> = (transfers(&planted.batch))
        .filter(|t| services.contains(t.to_address) || services.contains(t.from_address))
        .map(|t| (t.amount * 1e6) as u64)
        .collect();
    assert!(amounts.len() <= 3, "sums that differ tell payments apart: {amounts:?}");
}

#[test]
fn a_burst_is_over_within_two_hours() {
    for plant in &Planted::of(Shape::Burst).plants {
        let [source, both, targets] = sides(plant);
        assert_eq!((source.len(), both.len()), (1, 0), "{plant:?}");
        assert!(targets.len() >= 5);
        let mut times: Vec<i64> = plant.hops.iter().map(|hop| hop.0).collect();
        times.sort_unstable();
        let within = |at: i64| times.iter().filter(|t| (at..=at + 2 * HOUR_MS).contains(t)).count();
        let busiest = times.iter().map(|&at| within(at)).max().expect("some payments");
        assert!(busiest >= 12, "{busiest}: {plant:?}");
    }
}

#[test]
fn sleepers_have_no_payment_for_a_month_before_they_wake() {
    let planted = Planted::of(Shape::DormantReactivation);
    let mut touched: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    for t in transfers(&planted.batch) {
        for address in [t.from_address, t.to_address] {
            touched.entry(address).or_default().push(t.block_timestamp);
        }
    }
    for plant in &planted.plants {
        let [sleepers, ..] = sides(plant);
        assert!(sleepers.len() >= 2, "{plant:?}");
        for sleeper in sleepers {
            let wakes = plant.hops.iter().filter(|hop| hop.1 == sleeper).map(|hop| hop.0).min();
            let wakes = wakes.expect("it pays");
            let before: Vec<&i64> = touched[sleeper].iter().filter(|&&at| at < wakes).collect();
            assert!(!before.is_empty(), "it was filled within the window");
            assert!(before.iter().all(|&&at| at <= wakes - 30 * DAY_MS), "{sleeper} {wakes} {before:?}");
        }
    }
}

#[test]
fn wash_trades_come_back_with_nearly_the_same_amount() {
    let planted = Planted::of(Shape::WashTrading);
    for plant in &planted.plants {
        let hops = planted.paid(plant);
        let members: BTreeSet<&str> = hops.iter().flat_map(|hop| [hop.1.as_str(), &hop.2]).collect();
        assert_eq!(sides(plant)[1], members, "everybody pays and is paid: {plant:?}");
        let comes_back = |hop: &&(i64, String, String, f64)| {
            hops.iter().any(|back| back.2 == hop.1 && back.0 >= hop.0 && (back.3 / hop.3 - 1.0).abs() < 0.02)
        };
        let back = hops.iter().filter(comes_back).count();
        assert!(back * 2 >= hops.len(), "{back} of {}", hops.len());
    }
}

#[test]
fn sybil_wallets_are_funded_alike_by_one_and_pay_one() {
    let planted = Planted::of(Shape::Sybil);
    for plant in &planted.plants {
        let [funder, wallets, collector] = sides(plant);
        assert_eq!((funder.len(), collector.len()), (1, 1), "{plant:?}");
        assert!(wallets.len() >= 8);
        let [pays, paid] = neighbours(plant);
        assert!(wallets.iter().all(|wallet| paid[wallet] == funder && pays[wallet] == collector));
        let hops = planted.paid(plant);
        let given: Vec<f64> =
            hops.iter().filter(|hop| funder.contains(hop.1.as_str())).map(|hop| hop.3).collect();
        let unlike = given.windows(2).filter(|pair| (pair[1] / pair[0] - 1.0).abs() > 0.07).count();
        // where one repetition ends and the next begins, with another total
        assert!(unlike < 5, "{unlike} of {given:?}");
    }
}

#[test]
fn a_rug_pull_collects_from_strangers_and_one_carries_it_off() {
    let planted = Planted::of(Shape::RugPull);
    for plant in &planted.plants {
        let [pays, paid] = neighbours(plant);
        let is = |address: &str, roles: [&str; 2]| roles.contains(&planted.role(plant, address));
        let pots: Vec<&str> =
            paid.keys().copied().filter(|pot| is(pot, ["rug_contract", "pledge_account"])).collect();
        assert!(!pots.is_empty(), "{plant:?}");
        for pot in pots {
            assert!(paid[pot].len() >= 10, "{plant:?}");
            assert!(paid[pot].iter().all(|payer| is(payer, ["", ""])), "who pays in is no member: {plant:?}");
            let owner = *pays[pot].first().expect("somebody empties it");
            assert!(pays[pot].len() == 1 && is(owner, ["rug_developer", "project_owner"]), "{plant:?}");
            assert!(pays[owner].iter().any(|paid| is(paid, ["rug_exit", "project_account"])), "{plant:?}");
            let last = plant.hops.iter().filter(|hop| hop.2 == pot).map(|hop| hop.0).max();
            let first = plant.hops.iter().filter(|hop| hop.1 == pot).map(|hop| hop.0).min();
            assert!(last < first, "it is emptied when it is full: {plant:?}");
        }
    }
}

#[test]
fn who_sees_less_sees_a_part_of_the_same() {
    let all = Simulation { shapes: Repertoire::all(), patterns: 40, ..small() };
    let [full, most, some] = [1.0, 0.9, 0.5]
        .map(|observed| batches(&Simulation { observed, ..all.clone() }).pop().expect("one day"));
    let rows = |batch: &Batch| transfers(batch).len() as f64;
    assert!((rows(&most) / rows(&full) - 0.9).abs() < 0.02, "{} of {}", rows(&most), rows(&full));
    assert!((rows(&some) / rows(&full) - 0.5).abs() < 0.02, "{} of {}", rows(&some), rows(&full));
    let set = |batch: &Batch| -> BTreeSet<String> { transfers(batch).map(|t| format!("{t:?}")).collect() };
    assert!(set(&some).is_subset(&set(&most)) && set(&most).is_subset(&set(&full)));
    let truth = |batch: &Batch| -> BTreeSet<(String, String)> {
        let rows = batch.ground_truth.iter().flatten();
        rows.map(|g| (g.pattern_instance_id.clone(), g.address.clone())).collect()
    };
    let (shown, everybody) = (truth(&some), truth(&full));
    assert!(shown.is_subset(&everybody) && shown.len() < everybody.len());
    let active: BTreeSet<&str> = transfers(&some).flat_map(|t| [t.from_address, t.to_address]).collect();
    assert!(shown.iter().all(|(_, address)| active.contains(address.as_str())));
    assert!(some.labels.iter().flatten().all(|label| active.contains(label.address.as_str())));
    // exactly those of whom one of the scheme's payments was seen
    let seen: BTreeSet<(i64, &str, &str)> =
        transfers(&some).map(|t| (t.block_timestamp, t.from_address, t.to_address)).collect();
    let mut expected = BTreeSet::new();
    for plant in simulate(&all).expect("legal settings").plants() {
        for (_, from, to) in plant.hops.iter().filter(|(at, from, to)| seen.contains(&(*at, from, to))) {
            expected.extend([from, to].map(|address| (plant.instance.clone(), address.clone())));
        }
    }
    assert!(shown.is_subset(&expected));
    assert!(batches(&Simulation { observed: 0.0, ..all }).iter().all(|batch| transfers(batch).len() == 0));
}

#[test]
fn noise_and_coverage_of_labels_are_what_was_asked_for() {
    let all = Simulation { shapes: Repertoire::all(), addresses: 4_000, patterns: 150, ..small() };
    let judged = |label_noise: f64, label_coverage: f64| {
        let batch = batches(&Simulation { label_noise, label_coverage, ..all.clone() }).remove(0);
        let mut malicious: BTreeMap<&str, bool> = BTreeMap::new();
        for g in batch.ground_truth.iter().flatten() {
            *malicious.entry(&g.address).or_default() |= is_malicious(&g.role);
        }
        let first = batch.labels.iter().flatten().filter(|label| label.source != "community_reports");
        let (mut right, mut wrong) = (0, 0);
        for label in first {
            let Some(&malicious) = malicious.get(label.address.as_str()) else { continue };
            let accused = label.risk_level == "high" || label.risk_level == "critical";
            if accused == malicious { right += 1 } else { wrong += 1 }
        }
        [f64::from(wrong) / f64::from(right + wrong), f64::from(right + wrong) / malicious.len() as f64]
    };
    let [clean, usual] = judged(0.0, 1.0);
    let [noisy, _] = judged(0.3, 1.0);
    let [_, half] = judged(0.0, 0.5);
    assert!(clean < 0.02, "{clean}");
    assert!((noisy - 0.3).abs() < 0.04, "{noisy}");
    assert!((half / usual - 0.5).abs() < 0.05, "{half} {usual}");
}
