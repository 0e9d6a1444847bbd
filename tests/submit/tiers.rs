//! Every tier on cases small enough to compute by hand, edges included. The comments hold the sums.

use aml_miner::aml::evolution::Class::{self, Ambiguous, Benign, Dormant, Expanding};
use aml_miner::pipeline::validate::{
    AlertFacts, Company, Facts, Previous, Reading, Reward, Status, Submission, SubmittedRow, judge, reward,
};
use proptest::prelude::*;

use Reading::{Coded, Specified};

/// Alerts `0`, `1` ... of these addresses, nothing known of them.
fn alerts(addresses: &[&str]) -> Facts {
    let alert = |(i, address): (usize, &&str)| AlertFacts {
        alert_id: i.to_string(),
        address: (*address).to_owned(),
        typology: "t".to_owned(),
        ..AlertFacts::default()
    };
    Facts { alerts: addresses.iter().enumerate().map(alert).collect() }
}

fn labelled(rows: &[(&str, &[bool])]) -> Facts {
    let mut facts = alerts(&rows.iter().map(|row| row.0).collect::<Vec<_>>());
    for (alert, (_, labels)) in facts.alerts.iter_mut().zip(rows) {
        alert.label_rows = labels.to_vec();
        alert.label = labels.iter().copied().max();
    }
    facts
}

/// Alerts of as many addresses, with what became of them.
fn grown(classes: &[Option<Class>]) -> Facts {
    let names: Vec<String> = (0..classes.len()).map(|i| format!("address {i}")).collect();
    let mut facts = alerts(&names.iter().map(String::as_str).collect::<Vec<_>>());
    facts.alerts.iter_mut().zip(classes).for_each(|(alert, class)| alert.class = *class);
    facts
}

fn submission(scores: &[f64]) -> Submission {
    let row = |(i, &score): (usize, &f64)| SubmittedRow {
        alert_id: i.to_string(),
        score,
        model_version: "v".to_owned(),
        model_github_url: "u".to_owned(),
    };
    Submission { rows: scores.iter().enumerate().map(row).collect() }
}

fn judged(facts: &Facts, scores: &[f64], reading: Reading) -> Reward {
    judge(facts, &submission(scores), &Company::default(), 30, reading)
}

#[track_caller]
fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-12, "found {found}, expected {expected}");
}

/// Specified and coded.
fn both<T>(of: impl Fn(Reading) -> T) -> [T; 2] {
    [of(Specified), of(Coded)]
}

mod tier1 {
    use super::*;

    fn check(rows: Submission) -> [Reward; 2] {
        both(|reading| judge(&alerts(&["a", "b"]), &rows, &Company::default(), 30, reading))
    }

    #[test]
    fn the_ends_of_the_range_are_in_it() {
        for reward in check(submission(&[0.0, 1.0])) {
            assert!(reward.tier1.passed, "{:?}", reward.tier1);
            assert_eq!(reward.tier1.score, 1.0);
            assert_eq!(reward.tier1.faults, [""; 0]);
        }
    }

    #[test]
    fn a_missing_alert_fails() {
        for reward in check(submission(&[0.5])) {
            assert_eq!((reward.status, reward.r#final), (Status::Tier1Failed, Some(0.0)));
            assert_eq!(reward.tier1.completeness, 0.5);
            assert_eq!(reward.tier1.faults, ["1 alerts of the batch have no score, first 1"]);
            // what it would have been is still told, but nobody has a part in nothing
            assert!(reward.tier2.is_some());
            assert_eq!(reward.alerts[0].total, 0.0);
        }
        for reward in check(Submission::default()) {
            assert_eq!((reward.status, reward.tier1.score), (Status::Tier1Failed, 0.0));
        }
    }

    #[test]
    fn a_repeated_alert_fails() {
        let mut rows = submission(&[0.5, 0.6]);
        rows.rows.push(rows.rows[0].clone());
        for reward in check(rows.clone()) {
            assert_eq!(reward.status, Status::Tier1Failed);
            close(reward.tier1.duplicates, 2.0 / 3.0);
            close(reward.tier1.score, (1.0 + 1.0 + 2.0 / 3.0 + 1.0) / 4.0);
            assert_eq!(reward.tier1.faults, ["1 rows repeat an alert, first 0"]);
        }
    }

    #[test]
    fn a_stranger_makes_up_for_a_missing_alert_only_as_coded() {
        let mut rows = submission(&[0.5, 0.6]);
        rows.rows[1].alert_id = "stranger".to_owned();
        let [specified, coded] = check(rows);
        assert_eq!((specified.tier1.completeness, specified.status), (0.5, Status::Tier1Failed));
        assert_eq!((coded.tier1.completeness, coded.tier1.passed), (1.0, true));
    }

    #[test]
    fn nan_passes_the_range_as_coded_and_breaks_later() {
        let [specified, coded] = check(submission(&[0.5, f64::NAN]));
        assert_eq!((specified.tier1.range, specified.status), (0.5, Status::Tier1Failed));
        assert_eq!((coded.tier1.range, coded.tier1.passed), (1.0, true));
        assert_eq!((coded.status, coded.r#final, coded.tier2), (Status::Error, None, None));
        assert_eq!((specified.error, coded.error), (None, Some("a score is no number")));
        for reward in check(submission(&[-0.000_1, 1.000_1])) {
            assert_eq!((reward.tier1.range, reward.status), (0.0, Status::Tier1Failed));
        }
    }

    #[test]
    fn who_names_no_model_or_no_code_fails() {
        let mut rows = submission(&[0.5, 0.6]);
        rows.rows[0].model_version.clear();
        rows.rows[1].model_github_url.clear();
        for reward in check(rows) {
            assert_eq!((reward.tier1.metadata, reward.status), (0.0, Status::Tier1Failed));
            assert_eq!(reward.tier1.faults.len(), 2);
        }
    }
}

mod tier2 {
    use super::*;

    fn tier2(addresses: &[&str], scores: &[f64], company: &Company, reading: Reading) -> [f64; 4] {
        let tier = judge(&alerts(addresses), &submission(scores), company, 30, reading)
            .tier2
            .expect("finite scores");
        close(tier.score, (tier.entropy + tier.agreement + tier.steadiness + tier.addresses) / 4.0);
        [tier.entropy, tier.agreement, tier.steadiness, tier.addresses]
    }

    fn alone(addresses: &[&str], scores: &[f64]) -> [f64; 4] {
        tier2(addresses, scores, &Company::default(), Specified)
    }

    #[test]
    fn entropy_is_one_for_ten_full_bins_and_zero_for_one() {
        let scores: Vec<f64> = (0..10).map(|i| f64::from(i) / 10.0 + 0.05).collect();
        close(alone(&["a"; 10], &scores)[0], 1.0);
        close(alone(&["a"; 2], &[0.91, 1.0])[0], 0.0);
        // ln 2 / ln 10
        close(alone(&["a"; 4], &[0.1, 0.15, 0.5, 0.55])[0], std::f64::consts::LOG10_2);
    }

    #[test]
    fn bins_have_numpys_edges() {
        // the fourth edge is 3 * 0.1 = 0.30000000000000004, so 0.3 is still in the third bin; 0.5 is 5 * 0.1
        close(alone(&["a"; 2], &[0.3, 0.25])[0], 0.0);
        close(alone(&["a"; 2], &[0.5, 0.55])[0], 0.0);
        close(alone(&["a"; 2], &[0.5, 0.499_999])[0], std::f64::consts::LOG10_2);
    }

    #[test]
    fn as_coded_empty_bins_are_smoothed() {
        // one bin of 1 + 1e-10 and nine of 1e-10, over 1 + 1e-9: 9e-10 (1 + ln 1e10) / ln 10 to first order
        let [entropy, ..] = tier2(&["a", "b"], &[0.01, 0.02], &Company::default(), Coded);
        let expected = 9e-10 * (1.0 + 23.025_850_929_940_457) / std::f64::consts::LN_10;
        assert!((entropy - expected).abs() < 1e-16, "{entropy} {expected}");
    }

    #[test]
    fn who_submits_alone_agrees_and_who_is_constant_does_not() {
        assert_eq!(alone(&["a", "b", "c"], &[0.1, 0.4, 0.2])[1], 1.0);
        assert_eq!(alone(&["a", "b"], &[0.3, 0.3])[1], 0.5);
        assert_eq!(alone(&["a"], &[0.3])[1], 0.0);
        let constant = judged(&alerts(&["a", "b"]), &[0.3, 0.3], Coded);
        assert!(constant.tier2.as_ref().expect("computed").agreement.is_nan());
        assert_eq!((constant.status, constant.r#final), (Status::Error, None));
        assert_eq!(constant.error, Some("all scores are the same, so their correlation is no number"));
    }

    #[test]
    fn agreement_with_the_median_of_all() {
        let other = |scores: [f64; 3]| (0..3).map(|i: usize| (i.to_string(), scores[i])).collect();
        // medians with two others: .2, .5, .3 -> ranks 1 3 2; own .1 .2 .9 -> 1 2 3; rho = 1 - 6 * 2 / (3 * 8) = .5
        let company =
            Company { others: vec![other([0.2, 0.5, 0.3]), other([0.8, 0.6, 0.1])], previous: None };
        close(tier2(&["a", "b", "c"], &[0.1, 0.2, 0.9], &company, Specified)[1], 0.75);
        // one other: the median is the mean of the two: .5 .5 .5 has no order
        let company = Company { others: vec![other([0.9, 0.8, 0.1])], previous: None };
        assert_eq!(tier2(&["a", "b", "c"], &[0.1, 0.2, 0.9], &company, Specified)[1], 0.5);
        // exactly opposed to a median that others decide
        let company =
            Company { others: vec![other([0.9, 0.8, 0.1]), other([0.9, 0.8, 0.1])], previous: None };
        close(tier2(&["a", "b", "c"], &[0.1, 0.2, 0.9], &company, Specified)[1], 0.0);
    }

    #[test]
    fn ties_share_their_rank() {
        // own ranks 1.5 1.5 3, medians 1 2 3: rho = 1.5 / sqrt(1.5 * 2)
        let other = |scores: [f64; 3]| (0..3).map(|i: usize| (i.to_string(), scores[i])).collect();
        let company =
            Company { others: vec![other([0.0, 0.4, 0.9]), other([0.0, 0.4, 0.9])], previous: None };
        let expected = 0.5 * (1.5 / 3.0_f64.sqrt() + 1.0);
        close(tier2(&["a", "b", "c"], &[0.2, 0.2, 0.5], &company, Specified)[1], expected);
    }

    #[test]
    fn steadiness_needs_two_alerts_on_both_days() {
        let previous = |scores: &[(&str, f64)]| Company {
            previous: Some(Previous {
                by_alert: scores.iter().map(|(id, s)| ((*id).to_owned(), *s)).collect(),
                ..Previous::default()
            }),
            others: vec![],
        };
        let steadiness = |company: &Company| tier2(&["a", "b", "c"], &[0.1, 0.4, 0.2], company, Coded)[2];
        assert_eq!(steadiness(&Company::default()), 0.7);
        assert_eq!(steadiness(&previous(&[("0", 0.5), ("elsewhere", 0.5)])), 0.7);
        // |.1 - .5| and |.4 - .3|: 1 - .25
        close(steadiness(&previous(&[("0", 0.5), ("1", 0.3)])), 0.75);
    }

    #[test]
    fn as_specified_the_subject_is_what_stays() {
        let subject = |address: &str, score| ((address.to_owned(), "t".to_owned()), score);
        let company = Company {
            previous: Some(Previous {
                by_subject: [subject("a", 0.2), subject("b", 0.5)].into(),
                ..Previous::default()
            }),
            others: vec![],
        };
        // |.1 - .2| and |.4 - .5|
        close(tier2(&["a", "b", "c"], &[0.1, 0.4, 0.2], &company, Specified)[2], 0.9);
        // the ids of the day before are others: as coded there is never a history
        assert_eq!(tier2(&["a", "b", "c"], &[0.1, 0.4, 0.2], &company, Coded)[2], 0.7);
    }

    #[test]
    fn scores_of_one_address_should_be_alike() {
        // population deviations: .0625, .125, .1875, .25 (the bound itself counts as above it)
        assert_eq!(alone(&["a", "a"], &[0.25, 0.375])[3], 1.0);
        close(alone(&["a", "a"], &[0.25, 0.5])[3], 0.95);
        close(alone(&["a", "a"], &[0.25, 0.625])[3], 0.90);
        close(alone(&["a", "a"], &[0.25, 0.75])[3], 0.85);
        // the mean over addresses that have several: a .05, b none; c has one alert and does not count
        close(alone(&["a", "a", "b", "b", "c"], &[0.25, 0.5, 0.7, 0.7, 0.1])[3], 0.975);
        assert_eq!(alone(&["a", "b"], &[0.0, 1.0])[3], 1.0);
    }
}

mod tier3a {
    use super::*;

    #[test]
    fn labels_by_hand() {
        let facts = labelled(&[("a", &[true]), ("b", &[false]), ("c", &[false]), ("d", &[])]);
        for reward in both(|reading| judged(&facts, &[0.4, 0.4, 0.1, 0.9], reading)) {
            let tier = reward.tier3a.expect("labels");
            // of two pairs one is won and one tied; (.6^2 + .4^2 + .1^2) / 3; 3 of 4 alerts
            close(tier.auc, 0.75);
            close(tier.brier, 0.53 / 3.0);
            assert_eq!((tier.coverage, tier.rows, tier.positives), (0.75, 3, 1));
            assert_eq!(reward.status, Status::Tier3aOnly);
        }
    }

    #[test]
    fn an_address_with_several_labels_counts_as_often_as_coded() {
        let facts = labelled(&[("a", &[true, false, true]), ("b", &[false])]);
        let [specified, coded] = both(|reading| judged(&facts, &[0.8, 0.3], reading).tier3a.expect("labels"));
        // the strongest label alone: one pair, won
        assert_eq!((specified.auc, specified.coverage, specified.rows), (1.0, 1.0, 2));
        // positives .8 .8, negatives .8 .3: 2 won, 2 tied of 4; 4 rows over 2 alerts
        assert_eq!((coded.auc, coded.coverage, coded.rows), (0.75, 2.0, 4));
    }

    #[test]
    fn one_class_is_undefined_as_specified_and_an_error_as_coded() {
        let facts = labelled(&[("a", &[true]), ("b", &[true])]);
        let [specified, coded] = both(|reading| judged(&facts, &[0.8, 0.3], reading));
        assert_eq!((specified.status, specified.tier3a), (Status::NoTier3, None));
        assert_eq!((coded.status, coded.r#final), (Status::Error, None));
        assert_eq!(coded.error, Some("all labels are of one class, so the AUC raises an error"));
        // before its day the tier is not computed, so nothing is raised
        let early = judge(&facts, &submission(&[0.8, 0.3]), &Company::default(), 28, Coded);
        assert_eq!((early.status, early.r#final), (Status::FlatPeriod, Some(0.1)));
    }
}

mod tier3b {
    use super::*;

    fn tier(classes: &[Class], scores: &[f64], reading: Reading) -> aml_miner::pipeline::validate::Evolution {
        let classes: Vec<Option<Class>> = classes.iter().copied().map(Some).collect();
        judged(&grown(&classes), scores, reading).tier3b.expect("two snapshots")
    }

    #[test]
    fn both_edges_of_a_range_are_inside() {
        let accuracy = |class, score| tier(&[class, class], &[score, score], Specified).pattern_accuracy;
        for (class, score, expected) in [
            (Benign, 0.30, 1.0),
            (Ambiguous, 0.30, 1.0),
            (Ambiguous, 0.70, 1.0),
            (Expanding, 0.70, 1.0),
            (Benign, 0.31, 0.0),
            (Ambiguous, 0.29, 0.0),
            (Ambiguous, 0.71, 0.0),
            (Expanding, 0.69, 0.0),
            (Expanding, 1.0, 1.0),
            (Benign, 0.0, 1.0),
            (Dormant, 0.15, 1.0),
            (Dormant, 0.25, 1.0),
            (Dormant, 0.26, 0.0),
        ] {
            assert_eq!(accuracy(class, score), expected, "{class} {score}");
        }
        // .2 above .30: 1 - 2 x .2; stored, not rewarded
        close(tier(&[Benign, Benign], &[0.5, 0.5], Specified).soft_accuracy, 0.6);
    }

    #[test]
    fn all_classes_by_hand() {
        let classes = [Expanding, Benign, Ambiguous, Dormant];
        let [specified, coded] = both(|reading| tier(&classes, &[0.8, 0.1, 0.6, 0.2], reading));
        // all in range. Specified: .8 over .1; (.2^2 + .1^2) / 2 = .025
        assert_eq!((specified.auc, specified.pattern_accuracy, specified.coverage), (1.0, 1.0, 1.0));
        close(specified.brier, 0.025);
        close(specified.score, 0.4 + 0.3 * 0.975 + 0.3);
        // coded: .6 is labelled 1 by itself, .2 labelled 0: (.04 + .01 + .16 + .04) / 4
        assert_eq!(coded.auc, 1.0);
        close(coded.brier, 0.0625);
        close(coded.score, 0.4 + 0.3 * 0.9375 + 0.3);
        assert_eq!(coded.classes, [1, 1, 1, 1]);
    }

    #[test]
    fn exactly_one_half_labels_itself_one() {
        let coded = tier(&[Ambiguous, Ambiguous], &[0.5, 0.499], Coded);
        assert_eq!(coded.auc, 1.0);
        close(coded.brier, (0.25 + 0.499 * 0.499) / 2.0);
    }

    #[test]
    fn one_class_has_half_an_auc() {
        let flat = tier(&[Benign, Benign, Ambiguous], &[0.30; 3], Coded);
        assert_eq!((flat.auc, flat.pattern_accuracy), (0.5, 1.0));
        // the flat 0.30: .4 x .5 + .3 (1 - .09) + .3
        close(flat.score, 0.773);
        let unknowing = tier(&[Ambiguous, Ambiguous], &[0.4, 0.6], Specified);
        assert_eq!((unknowing.auc, unknowing.brier), (0.5, 0.25));
    }

    #[test]
    fn answers_that_know_nothing_are_strong() {
        // 85 benign, 13 ambiguous, 2 expanding; of all 0.30: Brier .98 x .09 + .02 x .49, 98 in range; of all 0: .02 and 85
        let mut classes = vec![Benign; 85];
        classes.extend([Ambiguous; 13]);
        classes.extend([Expanding; 2]);
        close(tier(&classes, &[0.30; 100], Coded).score, 0.2 + 0.3 * (1.0 - 0.098) + 0.3 * 0.98);
        close(tier(&classes, &[0.0; 100], Coded).score, 0.2 + 0.3 * 0.98 + 0.3 * 0.85);
    }

    #[test]
    fn addresses_without_a_later_row_are_not_covered() {
        let facts = grown(&[Some(Benign), None, None, Some(Benign)]);
        let tier = judged(&facts, &[0.1, 0.9, 0.9, 0.2], Specified).tier3b.expect("two rows");
        assert_eq!((tier.coverage, tier.pattern_accuracy), (0.5, 1.0));
        let nobody = judged(&grown(&[None, None]), &[0.1, 0.9], Specified);
        assert_eq!((nobody.status, nobody.tier3b), (Status::NoTier3, None));
    }
}

mod r#final {
    use super::*;

    /// Two labelled addresses, all four grown.
    fn facts() -> Facts {
        let mut facts = labelled(&[("a", &[true]), ("b", &[false]), ("c", &[]), ("d", &[])]);
        let classes = [Expanding, Benign, Ambiguous, Benign];
        facts.alerts.iter_mut().zip(classes).for_each(|(alert, class)| alert.class = Some(class));
        facts
    }

    const SCORES: [f64; 4] = [0.8, 0.1, 0.6, 0.2];

    #[test]
    fn all_tiers_together() {
        let [specified, coded] = both(|reading| judged(&facts(), &SCORES, reading));
        // entropy: four bins of ten, ln 4 / ln 10; alone 1; no history .7; one alert each 1
        let tier2 = (0.602_059_991_327_962_4 + 1.0 + 0.7 + 1.0) / 4.0;
        // 3A: AUC 1 on 2 of 4. 3B: AUC 1, all in range, coverage 1; Brier (.04 + .01 + .04) / 3 or with .16 over 4
        close(specified.r#final.expect("a number"), 0.1 * tier2 + 0.1 * 0.5 + 0.8 * (0.7 + 0.3 * 0.97));
        let coded_3b = 0.7 + 0.3 * (1.0 - 0.0625);
        // the smoothing of the histogram shows in the tenth digit
        let found = coded.r#final.expect("a number");
        assert!((found - (0.1 * tier2 + 0.45 * 0.5 + 0.45 * coded_3b)).abs() < 1e-9, "{found}");
        assert_eq!((specified.status, coded.status), (Status::Complete, Status::Complete));
    }

    #[test]
    fn the_days_decide_what_counts() {
        let at = |day, reading| judge(&facts(), &submission(&SCORES), &Company::default(), day, reading);
        for reading in Reading::ALL {
            assert_eq!((at(0, reading).status, at(28, reading).r#final), (Status::FlatPeriod, Some(0.1)));
            let day29 = at(29, reading);
            assert_eq!((day29.status, day29.tier3b), (Status::Tier3aOnly, None));
            assert_eq!(at(30, reading).status, Status::Complete);
        }
        let unlabelled = grown(&[Some(Benign), Some(Benign)]);
        let at = |day| judge(&unlabelled, &submission(&[0.1, 0.2]), &Company::default(), day, Coded).status;
        assert_eq!((at(29), at(30)), (Status::AwaitingEvolutionData, Status::Tier3bOnly));
    }

    #[test]
    fn the_reference_cannot_reward_more_than_this() {
        // coverage .1 and .9, everything right: .1 + .9 (.1 x .5 + .9 x .5) = .55, but for entropy and steadiness
        let mut facts = grown(&[None; 20]);
        for (i, alert) in facts.alerts.iter_mut().enumerate() {
            alert.class = (i < 18).then_some(if i < 2 { Expanding } else { Benign });
            alert.label_rows = if i < 2 { vec![i == 0] } else { vec![] };
        }
        let scores: Vec<f64> = (0..20).map(|i| if i < 2 { 1.0 - 0.01 * f64::from(i) } else { 0.0 }).collect();
        let reward = judged(&facts, &scores, Coded);
        let tier2 = reward.tier2.expect("computed").score;
        let best = 0.1 * tier2 + 0.9 * (0.1 * 0.5 + 0.9 * 0.5 * reward.tier3b.expect("grown").score);
        close(reward.r#final.expect("a number"), best);
        assert!(best < 0.55);
    }

    #[test]
    fn an_objective_for_tuning() {
        for reading in Reading::ALL {
            let full = judged(&facts(), &SCORES, reading).r#final.expect("a number");
            assert_eq!(reward(&SCORES, &facts(), reading), full);
        }
        assert_eq!(reward(&[0.3; 4], &facts(), Coded), 0.0);
    }
}

proptest! {
    #[test]
    fn parts_add_up_to_the_reward(
        rows in prop::collection::vec((0..101u8, 0..4u8, 0..5usize, prop::collection::vec(any::<bool>(), 0..3)), 1..30),
        before in 0..101u8,
    ) {
        let scores: Vec<f64> = rows.iter().map(|row| f64::from(row.0) / 100.0).collect();
        let names: Vec<String> = rows.iter().map(|row| row.1.to_string()).collect();
        let labels: Vec<(&str, &[bool])> = names.iter().zip(&rows).map(|(name, row)| (name.as_str(), row.3.as_slice())).collect();
        let mut facts = labelled(&labels);
        for (alert, row) in facts.alerts.iter_mut().zip(&rows) {
            alert.class = Class::ALL.get(row.2).copied();
        }
        let before = f64::from(before) / 100.0;
        let company = Company {
            previous: Some(Previous {
                by_alert: (0..5).map(|i| (i.to_string(), before)).collect(),
                by_subject: (0..2).map(|i| ((i.to_string(), "t".to_owned()), before)).collect(),
                ..Previous::default()
            }),
            others: vec![(0..20).map(|i| (i.to_string(), f64::from(i % 7) / 7.0)).collect()],
        };
        for reading in Reading::ALL {
            for day in [3, 29, 30] {
                let reward = judge(&facts, &submission(&scores), &company, day, reading);
                let sum: f64 = reward.alerts.iter().map(|alert| alert.total).sum();
                let expected = reward.r#final.unwrap_or(0.0);
                prop_assert!((sum - expected).abs() < 1e-9, "{reading:?} {day}: {sum} {expected}");
            }
        }
    }
}
