//! The same rows under the same `--key` are the same model, in whatever order and however many files they come.

use super::gbdt::{Desk, draws};

/// Bags, drawn features, weights, missing values and text: what could go by position.
const BINARY: &str = "--label y --key id --weight w --param num_iterations=10 --param num_leaves=9 --param bagging_fraction=0.6 \
                      --param bagging_freq=1 --param feature_fraction=0.7 --param min_data_per_group=5 --param seed=4";
const RANKING: &str = "--label y --key id --group q --param objective=lambdarank --param num_iterations=10 --param num_leaves=9 \
                       --param min_data_in_leaf=5 --param bagging_fraction=0.7 --param bagging_freq=1";

const HEADER: &str = "y,q,x,z,colour,w,id";

/// Rows of 40 queries of 15; values repeat, so that scores and gains tie.
fn rows(grades: u32) -> Vec<String> {
    let row = |row: usize| {
        let [a, b, c, d] = draws(8, row).map(|x| (x * 16.0).round() / 16.0);
        let y = ((a + 0.3 * b + 0.2 * d) * 0.66 * f64::from(grades)) as u32;
        let colour = ["red", "green", "blue", "grey", "olive", "pink"][(c * 5.9) as usize];
        let z = if row % 7 == 0 { String::new() } else { b.to_string() };
        format!("{},{},{a},{z},{colour},{},{}", y.min(grades - 1), row / 15, 1 + row % 3, 1000 - row)
    };
    (0..600).map(row).collect()
}

fn put(desk: &Desk, name: &str, rows: &[String]) {
    desk.put(name, &format!("{HEADER}\n{}\n", rows.join("\n")));
}

/// The model's bytes.
fn train(desk: &Desk, files: &[&str], words: &str) -> Vec<u8> {
    let data: Vec<String> = files.iter().map(|file| format!("--data @{file}")).collect();
    desk.done(&format!("train {} {words} --quiet --output @o.model", data.join(" ")));
    desk.read("o.model")
}

#[test]
fn rows_of_two_classes() {
    let desk = Desk::new();
    let rows = rows(2);
    put(&desk, "whole.csv", &rows);
    let whole = train(&desk, &["whole.csv"], BINARY);
    let shuffled: Vec<String> = (0..600).map(|i| rows[i * 247 % 600].clone()).collect();
    put(&desk, "shuffled.csv", &shuffled);
    assert!(train(&desk, &["shuffled.csv"], BINARY) == whole, "another order");
    // the first part has no olive and no pink: names of categories are those of all files
    let (plain, rare): (Vec<String>, Vec<String>) =
        shuffled.iter().cloned().partition(|row| !row.contains("olive") && !row.contains("pink"));
    put(&desk, "a.csv", &plain[..100]);
    put(&desk, "b.csv", &plain[100..]);
    put(&desk, "c.csv", &rare);
    for files in [["a.csv", "b.csv", "c.csv"], ["c.csv", "a.csv", "b.csv"]] {
        assert!(train(&desk, &files, BINARY) == whole, "{files:?}");
    }
    // without the key, rows are drawn by position
    let keyless = BINARY.replace("--key id", "");
    assert!(train(&desk, &["shuffled.csv"], &keyless) != train(&desk, &["whole.csv"], &keyless));
}

#[test]
fn queries_and_the_rows_within_them() {
    let desk = Desk::new();
    let rows = rows(4);
    put(&desk, "whole.csv", &rows);
    let whole = train(&desk, &["whole.csv"], RANKING);
    let within = |query: usize| (0..15).map(move |i| query * 15 + i * 4 % 15);
    let shuffled: Vec<String> =
        (0..40).flat_map(|q| within(q * 27 % 40)).map(|row| rows[row].clone()).collect();
    assert_ne!(shuffled, rows);
    put(&desk, "shuffled.csv", &shuffled);
    assert!(train(&desk, &["shuffled.csv"], RANKING) == whole, "another order");
    put(&desk, "a.csv", &shuffled[..17 * 15 + 4]);
    put(&desk, "b.csv", &shuffled[17 * 15 + 4..]);
    assert!(train(&desk, &["a.csv", "b.csv"], RANKING) == whole, "a query that two files share");
}

/// Side files, columns without names and lines of LibSVM are as split as the rows are.
#[test]
fn what_stands_beside_a_file_is_split_with_it() {
    let desk = Desk::new();
    let (mut lines, mut weights) = (vec![], vec![]);
    for row in 0..400 {
        let [a, b, c, _] = draws(9, row);
        // the last index comes in the second half alone
        let tail = if row >= 200 { format!(" 3:{c}") } else { String::new() };
        lines.push(format!("{} 1:{a} 2:{b}{tail}\n", u8::from(a + b > 1.0)));
        weights.push(format!("{}\n", 1 + row % 2));
    }
    for (name, from, to) in [("whole.svm", 0, 400), ("a.svm", 0, 200), ("b.svm", 200, 400)] {
        desk.put(name, &lines[from..to].concat());
        desk.put(&format!("{name}.weight"), &weights[from..to].concat());
    }
    let words = "--param num_iterations=5";
    let whole = train(&desk, &["whole.svm"], words);
    assert!(train(&desk, &["a.svm", "b.svm"], words) == whole);
    std::fs::remove_file(desk.path("b.svm.weight")).expect("removed");
    desk.put("x.csv", "y,x\n0,1\n1,2\n");
    desk.put("z.csv", "y,z\n0,1\n1,2\n");
    desk.put("bare", "0\t1\n1\t2\n");
    for (files, named) in [
        (["a.svm", "b.svm"], "b.svm: expected a file .weight beside it, as others have, found none"),
        (["x.csv", "z.csv"], "z.csv: expected 2 columns, as in x.csv, found a column `z` among 2"),
        (["x.csv", "bare"], "bare: expected text with a header, as in x.csv, found text without a header"),
        (["x.csv", "none.csv"], "none.csv"),
    ] {
        let data: Vec<String> = files.iter().map(|file| format!("--data @{file}")).collect();
        let (code, _, err) = desk.run(&format!("train {} --output @refused", data.join(" ")));
        assert_eq!((code, err.contains(named)), (Some(2), true), "{err}");
    }
}
