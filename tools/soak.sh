#!/bin/sh
# The server for a long time at full load, with thousands of connections that say nothing: does its memory stay flat, is every answer noted,
# and is everybody still served in the end?
#
#   tools/soak.sh [SECONDS [CONNECTIONS [PYTHON]]]
#
# Needs wrk, curl, the release build, Python 3 without packages, and as many open files as twice the connections (ulimit -n). Four connections send one alert
# each, two send a whole batch, without a pause; the audit log is written and verified. Ends with 1 when an answer is no 200, when memory after the first
# fifth of the time grows by more than a tenth, when a connection that said nothing is lost, or when log and counters differ.
set -eu
seconds=${1:-600}
connections=${2:-10000}
python=${3:-python3}
here=$(cd "$(dirname "$0")" && pwd)
binary=$here/../target/release/aml-miner
port=8394
url=http://127.0.0.1:$port
work=$(mktemp -d)
server=
idle=
finish() {
    for child in "$idle" "$server"; do
        [ -z "$child" ] || { kill "$child" 2>/dev/null || true; wait "$child" 2>/dev/null || true; }
    done
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM
ulimit -n "$(ulimit -Hn)"

"$binary" request --quiet --alerts 1 >"$work/one.json"
"$binary" request --quiet >"$work/batch.json"
"$binary" keygen --output "$work/key" >/dev/null
"$binary" serve --models "$here/../models" --port $port --log-level warn --client-timeout $((seconds + 120)) \
    --audit "$work/audit" --audit-key "$work/key" >"$work/log" 2>&1 &
server=$!
for _ in $(seq 1 100); do
    curl -s -o "$work/answer" "$url/readyz" && break
    sleep 0.1
done

mkfifo "$work/line"
# Opens the connections, says so, and waits for a line; then half of them ask, and the other half must still be open.
"$python" -c '
import socket, sys
n, port = int(sys.argv[1]), int(sys.argv[2])
held = [socket.create_connection(("127.0.0.1", port)) for _ in range(n)]
open(sys.argv[3], "w").close()
sys.stdin.readline()
served = still = 0
for i, connection in enumerate(held):
    connection.settimeout(30)
    if i % 2:
        connection.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        served += connection.recv(4096).startswith(b"HTTP/1.1 200")
    else:
        connection.setblocking(False)
        try:
            connection.recv(1)
        except BlockingIOError:
            still += 1
print(f"connections that said nothing for the whole time: {still} of {n - n // 2} still open, {served} of {n // 2} served when they spoke")
sys.exit(still + served != n)
' "$connections" $port "$work/open" <"$work/line" &
idle=$!
exec 9>"$work/line"
while [ ! -e "$work/open" ]; do
    kill -0 "$idle" || exit 1
    sleep 0.2
done

load() { wrk -t1 "-c$1" "-d${seconds}s" --timeout 60s --latency -s "$here/peers/post.lua" "$url/score/alerts" -- "$work/$2.json" >"$work/$2.wrk"; }
load 4 one & one=$!
load 2 batch & batch=$!
: >"$work/resident"
while kill -0 $one 2>/dev/null; do
    awk '/VmRSS/ { print $2 / 1024 }' "/proc/$server/status" >>"$work/resident"
    sleep "$(awk "BEGIN { print $seconds / 60 }")"
done
wait $one && wait $batch

failed=0
for name in one batch; do
    awk -v name=$name '
        /50%/ { p50 = $2 } /99%/ { p99 = $2 } /Requests\/sec/ { rate = $2 } /requests in/ { all = $1 } /Non-2xx|Socket errors/ { bad = bad " " $0 }
        END { printf "%-5s %d requests, %.0f a second, p50 %s, p99 %s%s\n", name, all, rate, p50, p99, bad; exit bad != "" }' "$work/$name.wrk" || failed=1
done
awk '
    { all[NR] = $1; if ($1 > most) most = $1 }
    END {
        fifth = int(NR / 5); if (fifth < 1) fifth = 1
        for (i = 1; i <= fifth; i++) { early += all[fifth + i]; late += all[NR - fifth + i] }
        printf "resident memory: %.0f MB after the first fifth of the time, %.0f MB in the last, %.0f MB at most\n", early / fifth, late / fifth, most
        exit late > early * 1.1
    }' "$work/resident" || { echo 'memory grew'; failed=1; }
echo done >&9
wait "$idle" || failed=1
idle=
counted=$(curl -s "$url/metrics" | awk '/^aml_miner_http_requests_total.route="\/score\/alerts",status="200"/ { print $2 }')
kill "$server"
wait "$server" || { echo 'the server did not end well'; failed=1; }
server=
"$binary" audit verify "$work/audit" --key "$work/key.pub" || failed=1
noted=$(cat "$work"/audit/*.jsonl | grep -c '"event":"answer"')
echo "answers counted: $counted, noted: $noted"
# wrk hangs up on what is under way when its time is over: noted, and counted by nobody
[ "$noted" -ge "$counted" ] && [ "$noted" -le $((counted + 6)) ] || failed=1
cat "$work/log"
exit $failed
