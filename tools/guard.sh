#!/usr/bin/env bash
# Fails when an explained alert takes more than 1 ms (the upper bound of criterion's confidence interval: alone, among
# all tables of a batch, and in a batch of 1,000) or when the server's resident memory ever passed 2 GB under load. Needs
# bash, awk and cargo.
set -euo pipefail
cd "$(dirname "$0")/.."
limit_ns=1000000
limit_kib=$((2 * 1024 * 1024))
target=${CARGO_TARGET_DIR:-target}
failed=0

check() { # what, measured, limit, unit
    if awk "BEGIN { exit !($2 <= $3) }"; then verdict=ok; else verdict=FAILED; failed=1; fi
    printf '%-42s %14.0f %s, limit %s: %s\n' "$1" "$2" "$4" "$3" "$verdict"
}

# --- time
cargo bench --quiet --bench guard -- --noplot >/dev/null
for shape in alone:1 among_all:1 of_1000:1000; do
    name=${shape%:*} rows=${shape#*:}
    estimates=$target/criterion/guard/explained_$name/new/estimates.json
    upper=$(grep -o '"mean":{"confidence_interval":{[^}]*' "$estimates" | grep -o '"upper_bound":[0-9.eE+]*' | cut -d: -f2)
    [ -n "$upper" ] || { echo "no upper bound in $estimates"; exit 1; }
    check "an explained alert, $name" "$(awk "BEGIN { print $upper / $rows }")" "$limit_ns" ns
done

# --- memory
if [ ! -r /proc/self/status ]; then
    echo 'memory: skipped, this system has no /proc'
    exit "$failed"
fi
cargo build --quiet --release --bin aml-miner
work=$(mktemp -d)
server=
finish() {
    if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; fi
    rm -rf "$work"
}
trap finish EXIT

"$target/release/aml-miner" request >"$work/small.json"
# Among the worst bodies that are taken: 32 MiB of alerts and address rows of 60 short numbers.
awk -v bytes=$((32 * 1024 * 1024 - 4096)) 'BEGIN {
    for (c = 0; c < 60; c++) row = row sprintf(",\"column_%d\":%d", c, c)
    printf "{\"alerts\":["
    for (n = 0; n < 100000 && size < bytes / 2; n++) {
        alert = sprintf("%s{\"alert_id\":\"%d\",\"address\":\"a%d\",\"typology_type\":\"STRUCTURING\",\"window_days\":30,\"processing_date\":\"2025-11-20\",\"alert_confidence_score\":0.5,\"description\":\"\",\"evidence_json\":\"{}\",\"risk_indicators\":[]}", n ? "," : "", n, n)
        size += length(alert)
        printf "%s", alert
    }
    printf "],\"clusters\":[],\"features\":["
    for (m = 0; size < bytes; m++) {
        feature = sprintf("%s{\"address\":\"a%d\"%s}", m ? "," : "", m, row)
        size += length(feature)
        printf "%s", feature
    }
    printf "]}"
}' >"$work/large.json"

AML_MINER_LOG_FORMAT=text LOG_LEVEL=info "$target/release/aml-miner" serve --host 127.0.0.1 --port 0 2>"$work/log" &
server=$!
port=
for _ in $(seq 100); do
    port=$(grep -o 'url=http://127.0.0.1:[0-9]*' "$work/log" | grep -o '[0-9]*$' || true)
    [ -n "$port" ] && break
    kill -0 "$server" || { cat "$work/log"; exit 1; }
    sleep 0.1
done

post() { # path, body; prints the status
    local size; size=$(wc -c <"$2")
    exec 3<>"/dev/tcp/127.0.0.1/$port"
    printf 'POST %s HTTP/1.1\r\nHost: guard\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: %s\r\n\r\n' "$1" "$size" >&3
    cat "$2" >&3
    head -n 1 <&3 | cut -d' ' -f2
    cat <&3 >/dev/null
    exec 3>&-
}

expect() { # status, what was expected
    case " $2 " in *" $1 "*) ;; *) echo "a request was answered $1, expected one of: $2"; cat "$work/log"; exit 1 ;; esac
}

for path in /score/alerts /rank/alerts /score/clusters; do
    for _ in 1 2 3; do expect "$(post "$path" "$work/small.json")" 200; done
done
# the largest bodies at the same time: what does not fit is turned away, what is taken is answered
pids=()
for n in 1 2 3; do
    (expect "$(post '/score/alerts?explain=false' "$work/large.json")" '200 503') &
    pids+=($!)
done
for pid in "${pids[@]}"; do wait "$pid"; done
# and four times as many alerts with their explanations as one request may have
awk -v n=20000 'BEGIN {
    printf "{\"clusters\":[],\"features\":[],\"alerts\":["
    for (i = 0; i < n; i++) printf "%s{\"alert_id\":\"%d\",\"address\":\"a%d\",\"typology_type\":\"STRUCTURING\",\"window_days\":30,\"processing_date\":\"2025-11-20\",\"alert_confidence_score\":0.5,\"description\":\"\",\"evidence_json\":\"{}\",\"risk_indicators\":[]}", i ? "," : "", i, i
    printf "]}"
}' >"$work/explained.json"
pids=()
for n in 1 2 3 4; do
    (expect "$(post /score/alerts "$work/explained.json")" 200) &
    pids+=($!)
done
for pid in "${pids[@]}"; do wait "$pid"; done
peak=$(awk '/^VmHWM:/ { print $2 }' "/proc/$server/status")
check 'peak resident memory of the server' "$peak" "$limit_kib" KiB
exit "$failed"
