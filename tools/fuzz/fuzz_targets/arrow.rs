#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| aml_miner_fuzz::arrow(bytes));
