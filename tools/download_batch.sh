#!/usr/bin/env bash
# Published batches of some days, verified, by `aml-miner download`. The arguments are those of the template's script.
set -euo pipefail

usage() {
  cat << 'END'
Usage: tools/download_batch.sh --network NAME (--date DATE | --start-date DATE --end-date DATE) [--days WINDOW]
                               [--output-dir DIR] [any option of `aml-miner download`, such as --base-url URL]
  --network NAME       network, as in the published paths (default: torus)
  --date DATE          one processing date, YYYY-MM-DD
  --start-date DATE    the first of several
  --end-date DATE      the last of them (default: the first)
  --days WINDOW        length of the window in days (default: 195)
  --output-dir DIR     where to (default: ./data)
The address of the server comes from --base-url or AML_MINER_BASE_URL; the program from AML_MINER, else target/release, else the PATH.
END
}

network=torus first='' last='' window=195 output=./data
more=()
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) usage && exit 0 ;;
    --network | --date | --start-date | --end-date | --days | --window-days | --output-dir)
      [ $# -ge 2 ] || { echo "$1: expected a value" >&2 && exit 2; }
      case $1 in
        --network) network=$2 ;;
        --date) first=$2 last=$2 ;;
        --start-date) first=$2 ;;
        --end-date) last=$2 ;;
        --days | --window-days) window=$2 ;;
        --output-dir) output=$2 ;;
      esac
      shift 2
      ;;
    *) more+=("$1") && shift ;;
  esac
done
[ -n "$first" ] || { usage >&2 && exit 2; }

root=$(cd "$(dirname "$0")/.." && pwd)
miner=${AML_MINER:-$root/target/release/aml-miner}
[ -x "$miner" ] || miner=aml-miner
exec "$miner" download --network "$network" --from "$first" --to "${last:-$first}" --window-days "$window" \
  --output "$output" ${more[@]+"${more[@]}"}
