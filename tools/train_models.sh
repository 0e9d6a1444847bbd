#!/usr/bin/env bash
# Makes models/ from nothing: simulates batches with fixed seeds, trains, evaluates, writes the model card. The same bytes every run.
# Usage: tools/train_models.sh [MODELS_DIR] [more aml-miner options, such as --threads 1]
set -euo pipefail
cd "$(dirname "$0")/.."
models=${1:-models}
[ $# -gt 0 ] && shift
miner=${AML_MINER:-target/release/aml-miner}
[ -x "$miner" ] || { cargo build --release; miner=target/release/aml-miner; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$models/evaluation"

# training: 24 economies, a week apart, none shared; judged: 6 economies of other seeds and later dates
for i in $(seq 0 23); do
  from=$(date -u -d "2025-01-05 + $((7 * i)) days" +%F)
  "$miner" simulate --quiet --seed $((1000 + i)) --from "$from" --output "$work/train/$(printf %02d "$i")" "$@" > /dev/null
done
for i in $(seq 0 5); do
  from=$(date -u -d "2025-09-07 + $((7 * i)) days" +%F)
  "$miner" simulate --quiet --seed $((9000 + i)) --from "$from" --output "$work/test/$(printf %02d "$i")" "$@" > /dev/null
done
cp models/training.yaml "$work/training.yaml"
"$miner" train all --quiet --data "$work/train" --output "$models" --config "$work/training.yaml" "$@"
"$miner" evaluate --quiet --models "$models" --data "$work/test" --output "$work/simulated" "$@" \
  --title "Simulated batches of seeds never seen" > /dev/null
cp "$work/simulated/evaluation.json" "$models/evaluation/simulated.json"

# the real sample is not ours to ship: its figures are kept, and made anew where it is at hand
sample=${AML_MINER_DATA:-../shared/data}/torus-2025-11-20-w300
if [ -d "$sample" ]; then
  "$miner" evaluate --quiet --models "$models" --data "$sample" --output "$work/sample" "$@" \
    --title "Real sample, the shipped models as they are (zero-shot)" > /dev/null
  "$miner" evaluate --quiet --models "$models" --data "$sample" --folds 5 --output "$work/folds" "$@" \
    --title "Real sample, trained on it, whole pattern instances held out (5 folds, 3 partitions)" > /dev/null
  cp "$work/sample/evaluation.json" "$models/evaluation/sample.json"
  cp "$work/folds/evaluation.json" "$models/evaluation/sample_folds.json"
fi
if [ "$models" != models ] && [ ! -d "$sample" ]; then
  cp models/evaluation/sample*.json "$models/evaluation/" 2> /dev/null || true
fi
reports=("$models/evaluation/simulated.json")
for report in sample sample_folds; do
  [ -e "$models/evaluation/$report.json" ] && reports+=("$models/evaluation/$report.json")
done
"$miner" evaluate --models "$models" --card "${reports[@]}" "$@"
echo "models in $models"
