#!/usr/bin/env bash
# What a submission would be worth, and whether the server keeps its word, by `aml-miner validate`. Without --url or --scores it
# starts the server itself, on a port of its own, as the template's script does.
set -euo pipefail

usage() {
  cat << 'END'
Usage: tools/validate_submission.sh (--batch-path DIR | --network NAME --date DATE [--days WINDOW] [--data DIR])
                                    [--url URL | --scores FILE] [--models DIR] [--output REPORT]
                                    [any option of `aml-miner validate`]
  --batch-path DIR     the batch
  --network NAME       or the batch of this network (default: torus)
  --date DATE          and processing date, YYYY-MM-DD
  --days WINDOW        and window in days (default: 195)
  --data DIR           under this folder, which also serves as history (default: ./data)
  --models DIR         bundle of the server that is started (default: models)
  --output REPORT      JSON report, Markdown beside it (default: ./validation_report.json)
Exit code 0: the submission would be taken; 1: it would not; 2: wrong arguments or input.
END
}

batch='' network=torus date='' window=195 data=./data models=models output=./validation_report.json
given=no
more=()
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) usage && exit 0 ;;
    --batch-path | --network | --date | --days | --window-days | --data | --models | --output | --url | --scores)
      [ $# -ge 2 ] || { echo "$1: expected a value" >&2 && exit 2; }
      case $1 in
        --batch-path) batch=$2 ;;
        --network) network=$2 ;;
        --date) date=$2 ;;
        --days | --window-days) window=$2 ;;
        --data) data=$2 ;;
        --models) models=$2 ;;
        --output) output=$2 ;;
        --url | --scores) given=yes && more+=("$1" "$2") ;;
      esac
      shift 2
      ;;
    *) more+=("$1") && shift ;;
  esac
done
if [ -z "$batch" ]; then
  [ -n "$date" ] || { usage >&2 && exit 2; }
  batch=$data/snapshots/$network/$date/$window
  more+=(--history "$data")
fi

root=$(cd "$(dirname "$0")/.." && pwd)
miner=${AML_MINER:-$root/target/release/aml-miner}
[ -x "$miner" ] || miner=aml-miner
if [ "$given" = no ]; then
  log=$(mktemp)
  "$miner" serve --models "$models" --port 0 --log-format json --log-level info 2> "$log" > /dev/null &
  server=$!
  trap 'kill "$server" 2> /dev/null || true; rm -f "$log"' EXIT
  port=''
  for _ in $(seq 100); do
    port=$(sed -n 's/.*127\.0\.0\.1:\([0-9][0-9]*\).*/\1/p' "$log" | head -n 1)
    [ -z "$port" ] || break
    kill -0 "$server" 2> /dev/null || { cat "$log" >&2 && exit 2; }
    sleep 0.1
  done
  [ -n "$port" ] || { echo "the server did not start in ten seconds" >&2 && exit 2; }
  more+=(--url "http://127.0.0.1:$port")
fi
status=0
"$miner" validate "$batch" --output "$output" "${more[@]}" || status=$?
exit "$status"
