#!/usr/bin/env bash
# Fuzzes readers, one after another.   usage: run.sh [SECONDS] [TARGET...]
#
# Needs a C++ compiler (libFuzzer is built from source) and no nightly: the flags below are those that `cargo fuzz run --sanitizer none` gives, which the
# stable compiler takes. `cargo +nightly fuzz run --fuzz-dir tools/fuzz TARGET` does the same with the address sanitizer.
# Seeds and what was found stay in tools/fuzz/corpus, inputs that fail in tools/fuzz/artifacts. corpus.tar.gz has inputs of up to a kilobyte that runs of ten
# minutes found worth keeping; it is unpacked first. To renew it: find corpus -type f -size -1025c | sort | tar -czf corpus.tar.gz -T -
set -euo pipefail
cd "$(dirname "$0")"
seconds=${1:-600}
shift || true
targets=${*:-native_model lightgbm_text xgboost_json xgboost_ubj svm text_table parquet arrow request}
host=$(rustc -vV | sed -n 's/^host: //p')

tar -xzf corpus.tar.gz
cargo run --quiet --target-dir target/seeds --bin seeds
export RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
  -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
  -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1"
# the host is named so that build scripts and macros are built without these flags
for target in $targets; do
    cargo build --quiet --release --target "$host" --bin "$target"
done
failed=0
for target in $targets; do
    mkdir -p "artifacts/$target"
    echo "== $target, $seconds s"
    "target/$host/release/$target" "corpus/$target" -artifact_prefix="artifacts/$target/" -max_total_time="$seconds" \
        -rss_limit_mb=1024 -malloc_limit_mb=512 -timeout=10 -max_len=65536 -print_final_stats=1 2>&1 | tail -n 25 || failed=1
done
exit $failed
