//! The generated document of parameters is the table's.

#[test]
fn the_document_of_parameters_is_current() {
    let expected = aml_miner::gbdt::params::markdown();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/parameters.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, &expected).expect("docs can be written");
    }
    let found = std::fs::read_to_string(path).expect("docs/parameters.md is there");
    assert_eq!(found, expected, "run UPDATE_DOCS=1 cargo test --test engine");
}
