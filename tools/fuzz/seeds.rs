//! Writes a few small valid inputs of every reader into `corpus/`, from what the tests already keep.   usage: seeds
use std::fs;
use std::path::{Path, PathBuf};

use aml_miner::aml::sot::{Batch, TableKind, keep_alerts, request_body, to_table};
use aml_miner::gbdt::model::lightgbm;
use aml_miner::table::{Table, TableColumn, Values, arrow, parquet};

fn main() {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR"));
    let golden = tools.join("../../tests/golden");
    let put = |target: &str, name: &str, bytes: &[u8]| {
        let folder = tools.join("corpus").join(target);
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join(name), bytes).expect("written");
    };
    for path in files(&golden) {
        let bytes = fs::read(&path).expect("a golden file");
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("json") => put("xgboost_json", &name, &bytes),
            Some("ubj") => put("xgboost_ubj", &name, &bytes),
            Some("txt") => {
                let text = few_trees(&String::from_utf8(bytes).expect("text"));
                let model = lightgbm::from_text(&text).expect("a golden file");
                put("lightgbm_text", &name, text.as_bytes());
                put("native_model", &name, &model.to_bytes());
            }
            _ => {}
        }
    }
    put("svm", "plain", b"1 0:0.5 2:1e-3\n0 1:-2 # a comment\n");
    put("svm", "queries", b"2 qid:1 1:3 5:0.25\n0 qid:1 2:1\n1 qid:2 1:nan\n");
    put("text_table", "comma", b"\x00id,amount,kind\n1,2.5,a\n2,,\"b, c\"\n3,NA,a\n");
    put("text_table", "tab", b"\x01x\ty\n1\t-1e300\n0\t0.1\n");
    put("text_table", "blank", b"\x02 1 2.5 3\n0 nan 4\n");
    put("text_table", "numbers", b"\x001,2,3\n4,5,6\n");
    put("request", "empty", b"{\"alerts\": [], \"features\": [], \"clusters\": [], \"money_flows\": null}");
    let day = tools.join("../../fixtures/gen1/snapshots/torus/2025-11-03/7");
    let mut batch = Batch::open(&day).expect("a batch of the fixtures");
    keep_alerts(&mut batch, 2);
    put("request", "alerts", request_body(&batch).to_string().as_bytes());
    let alerts = Table { name: "alerts".to_owned(), ..to_table(&batch, TableKind::Alerts).expect("alerts") };
    put("arrow", "alerts", &arrow::to_bytes(&alerts).expect("a table"));
    put("arrow", "numbers", &arrow::to_bytes(&table()).expect("a table"));
    put("parquet", "numbers", &parquet::to_bytes(&table()).expect("a table"));
    for path in files(&day).iter().filter(|path| path.extension().is_some_and(|e| e == "parquet")) {
        let bytes = fs::read(path).expect("a table of the fixtures");
        if bytes.len() < 16_384 {
            put("parquet", &path.file_stem().expect("a name").to_string_lossy(), &bytes);
        }
    }
    // Brotli is read and never written
    let brotli = fs::read_to_string(tools.join("../../tests/golden/brotli.hex")).expect("the files of the tests");
    for (version, file) in brotli.lines().enumerate() {
        put("parquet", &format!("brotli_{version}"), &bytes_of(file));
    }
}

fn bytes_of(hex: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal");
    (0..hex.len()).step_by(2).map(digit).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

/// A model's header and first two trees: small inputs are changed in more telling places.
fn few_trees(text: &str) -> String {
    let Some(third) = text.find("Tree=2\n") else { return text.to_owned() };
    let end = text.find("end of trees").expect("a whole model");
    format!("{}{}", &text[..third], &text[end..])
}

/// A column of every kind that is written.
fn table() -> Table {
    let columns = [
        ("bool", Values::Bool(vec![Some(true), None])),
        ("int", Values::Int(vec![Some(-1), None])),
        ("f32", Values::F32(vec![0.5, f32::NAN])),
        ("f64", Values::F64(vec![0.1, f64::NAN])),
        ("decimal", Values::Decimal { scale: 18, units: vec![Some(10_i128.pow(20)), None] }),
        ("text", Values::Text(vec![Some("a".into()), None])),
        ("date", Values::Date(vec![Some(20_000), None])),
        ("timestamp", Values::Timestamp(vec![Some(1_700_000_000_000), None])),
        ("texts", Values::TextList(vec![Some(vec!["a".into(), "b".into()]), None])),
        ("ints", Values::IntList(vec![Some(vec![1, 2]), None])),
    ];
    Table::new("seed", columns.map(|(name, values)| TableColumn::new(name, values)).into())
}
