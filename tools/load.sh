#!/bin/sh
# Load on the server, and on the server that a Python team would have (tools/peers/fastapi_baseline.py), in turn in one run.
#
#   tools/load.sh [SECONDS [PYTHON]]
#
# Needs wrk, curl, the release build, the environment of tools/peers/setup.sh (PYTHON is its interpreter) and the sample batch (AML_MINER_DATA).
# The same three bodies go to both: 1 alert, 1,000 alerts, and 50,000 alerts with 100,000 address rows.
set -eu
seconds=${1:-10}
python=${2:-python3}
here=$(cd "$(dirname "$0")" && pwd)
binary=$here/../target/release/aml-miner
work=$(mktemp -d)
server=
stop() {
    [ -z "$server" ] || { kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; }
    server=
}
trap 'stop; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

for rows in 1 1000; do
    "$python" "$here/peers/fastapi_baseline.py" payload $rows >"$work/$rows.json"
done
"$python" "$here/peers/large_body.py" 50000 100000 >"$work/large.json"

# $1: name, $2: URL of the service
wait_for() {
    for _ in $(seq 1 300); do
        curl -s -o "$work/answer" "$2/health" && return
        curl -s -o "$work/answer" -H 'content-type: application/json' --data-binary "@$work/1.json" "$2/score/alerts" && return
        sleep 0.1
    done
    echo "$1 does not answer at $2" >&2
    exit 1
}

resident() { awk '/VmRSS/ { print int($2 / 1024) " MB resident" } /VmHWM/ { print int($2 / 1024) " MB at most" }' "/proc/$server/status" | paste -sd, -; }

# $1: name, $2: URL, $3: body, $4: alerts in it
run() {
    curl -s -o "$work/answer" -H 'content-type: application/json' --data-binary "@$work/$3.json" "$2/score/alerts"
    wrk -t1 -c4 -d"${seconds}s" --timeout 60s --latency -s "$here/peers/post.lua" "$2/score/alerts" -- "$work/$3.json" >"$work/wrk"
    awk -v name="$1" -v alerts="$4" '
        /50%/ { p50 = $2 } /99%/ { p99 = $2 } /Requests\/sec/ { rate = $2 } /Non-2xx/ { bad = $NF }
        END { printf "%-10s %6d alerts a request: %10.0f alerts/s, p50 %s, p99 %s%s\n", name, alerts, rate * alerts, p50, p99, bad ? ", NOT 2xx: " bad : "" }' "$work/wrk"
}

both() {
    run "$1" "$2" 1 1
    run "$1" "$2" 1000 1000
    echo "$1: $(resident)"
}

"$binary" serve --models "$here/../models" --port 8391 >"$work/ours.log" 2>&1 &
server=$!
wait_for aml-miner http://127.0.0.1:8391
echo "aml-miner, idle: $(resident)"
both aml-miner http://127.0.0.1:8391
# one large request; meanwhile, small ones are answered
curl -s -o "$work/answer" -w 'aml-miner   50000 alerts with 100000 address rows in one request: status %{http_code}, %{time_total} s\n' \
    -H 'content-type: application/json' --data-binary "@$work/large.json" "http://127.0.0.1:8391/score/alerts" &
large=$!
: >"$work/small"
while kill -0 "$large" 2>/dev/null; do
    curl -s -o "$work/small.answer" -w '%{time_total}\n' -H 'content-type: application/json' --data-binary "@$work/1.json" "http://127.0.0.1:8391/score/alerts" >>"$work/small"
done
wait "$large"
sort -n "$work/small" | awk '{ all[NR] = $1 } END { printf "aml-miner  %d small requests meanwhile: median %.1f ms, slowest %.1f ms\n", NR, all[int((NR + 1) / 2)] * 1e3, all[NR] * 1e3 }'
echo "aml-miner: $(resident)"
stop

"$python" "$here/peers/fastapi_baseline.py" serve --port 8392 >"$work/baseline.log" 2>&1 &
server=$!
wait_for FastAPI http://127.0.0.1:8392
both FastAPI http://127.0.0.1:8392
