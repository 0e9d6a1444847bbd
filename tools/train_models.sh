#!/usr/bin/env bash
# Makes models/ from nothing: simulates batches with fixed seeds, trains, evaluates, writes the model card. The same bytes every run.
# Usage: tools/train_models.sh [MODELS_DIR] [more aml-miner options, such as --threads 1]
# Environment: AML_MINER names the program; KEEP=DIR keeps the simulated batches and reports there. For a look at the way itself, of which the
# shipped models are not made: ECONOMIES (60), WALLETS of each (1000), UNSEEN economies judged on (24), CONFIG (models/training.yaml).
set -euo pipefail
cd "$(dirname "$0")/.."
models=${1:-models}
[ $# -gt 0 ] && shift
miner=${AML_MINER:-target/release/aml-miner}
[ -x "$miner" ] || { cargo build --release; miner=target/release/aml-miner; }
if [ -n "${KEEP:-}" ]; then work=$KEEP; mkdir -p "$work"; else work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; fi
mkdir -p "$models/evaluation"

simulated() { # folder, first seed, economies, first day, days between economies, days of each; `shapes` says what is planted
  for i in $(seq 0 $(($3 - 1))); do
    from=$(date -u -d "$4 + $(($5 * i)) days" +%F)
    "$miner" simulate --quiet --seed $(($2 + i)) --from "$from" --days "$6" "${size[@]}" $(planted "$i") --output "$1/$(printf %02d "$i")" "${@:7}" > /dev/null
  done
}
planted() { # place of an economy among its like
  case $shapes in
    all) echo --shapes all ;;
    mixed) [ $(($1 % 2)) = 0 ] || echo --shapes all ;;
  esac
}

# Learned from: 120 consecutive days, 2025-01-05 to 2025-05-04, in 60 economies of 2 days each: many small economies teach more than few
# that are seen for longer. They are half the usual size, which keeps the making of the bundle within minutes. Every second one plants
# all of the simulator's shapes, the others its default five.
economies=${ECONOMIES:-60}
wallets=${WALLETS:-1000}
size=(--addresses "$wallets" --patterns $((wallets * 12 / 1000)))
shapes=mixed
simulated "$work/train" 1000 "$economies" 2025-01-05 2 2 "$@"
# Judged on: the first six of those economies on later days, whose windows share no transfer with what was learned ...
later=$((economies < 6 ? economies : 6))
simulated "$work/later" 1000 "$later" 2025-07-06 7 1 "$@"
# ... and economies of seeds never trained on, of the usual size, of either kind. A batch has a few dozen schemes: of a few batches
# alone the figures are mostly chance.
size=(--addresses $((2 * wallets)) --patterns $((2 * wallets * 12 / 1000)))
shapes=default
simulated "$work/unseen" 9000 "${UNSEEN:-24}" 2025-09-07 7 1 "$@"
shapes=all
simulated "$work/unseen_shapes" 9100 "${UNSEEN:-24}" 2025-09-07 7 1 "$@"

cp "${CONFIG:-models/training.yaml}" "$work/training.yaml"
"$miner" train all --quiet --data "$work/train" --output "$models" --config "$work/training.yaml" "$@"

report() { # name, title, bundle, data and options
  "$miner" evaluate --quiet --models "$3" --data "$4" --output "$work/reports/$1" --title "$2" "${@:5}" > /dev/null
}
report unseen "Economies of seeds never trained on" "$models" "$work/unseen" "$@"
report unseen_shapes "Economies of seeds never trained on, all shapes" "$models" "$work/unseen_shapes" "$@"
report later "Economies trained on, later days" "$models" "$work/later" "$@"

# One kind of alert left out of training altogether, judged on that kind alone, beside the shipped scorer on the same alerts.
left_out=CYCLE_DETECTION
sed "s/^exclude_typologies: .*/exclude_typologies: [$left_out]/" "$work/training.yaml" > "$work/left_out.yaml"
"$miner" train scorer --quiet --data "$work/train" --output "$work/left_out" --config "$work/left_out.yaml" "$@" > /dev/null
report typology_left_out "$left_out alerts alone, a scorer that never met one" "$work/left_out" "$work/unseen" --typology "$left_out" "$@"
report typology_known "$left_out alerts alone, the shipped scorer" "$models" "$work/unseen" --typology "$left_out" "$@"

# The real sample is not ours to ship: its figures are kept, and made anew where it is at hand.
sample=${AML_MINER_DATA:-../shared/data}/torus-2025-11-20-w300
if [ -d "$sample" ]; then
  report sample "Real sample, the shipped models as they are (zero-shot)" "$models" "$sample" "$@"
  report sample_folds "Real sample, trained on it, whole pattern instances held out (5 folds, 3 partitions)" "$models" "$sample" --folds 5 "$@"
  for report in sample sample_folds; do cp "$work/reports/$report/evaluation.json" "$models/evaluation/$report.json"; done
elif [ "$models" != models ]; then
  cp models/evaluation/sample*.json "$models/evaluation/" 2> /dev/null || true
fi

reports=()
for report in unseen unseen_shapes later typology_left_out typology_known; do reports+=("$work/reports/$report/evaluation.json"); done
for report in sample sample_folds; do
  if [ -e "$models/evaluation/$report.json" ]; then reports+=("$models/evaluation/$report.json"); fi
done
"$miner" evaluate --models "$models" --card "${reports[@]}" "$@"
echo "models in $models"
