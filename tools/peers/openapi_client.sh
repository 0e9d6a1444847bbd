#!/bin/sh
# A client that is generated from /openapi.json talks to the service: openapi-python-client (PyPI) writes it, openapi_client.py uses it.
#
#   tools/peers/openapi_client.sh [PYTHON]
#
# Needs the release build and openapi-python-client in the environment of PYTHON.
set -eu
python=${1:-python3}
here=$(cd "$(dirname "$0")" && pwd)
binary=$here/../../target/release/aml-miner
port=8395
work=$(mktemp -d)
"$binary" serve --models "$here/../../models" --port $port --log-level warn >"$work/log" 2>&1 &
server=$!
trap 'kill $server 2>/dev/null || true; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
for _ in $(seq 1 100); do
    "$python" -c "import urllib.request as u; u.urlopen('http://127.0.0.1:$port/readyz')" 2>/dev/null && break
    sleep 0.1
done
"$binary" request --quiet --alerts 5 >"$work/body.json"
# what is skipped must be none of the calls: their names are asked for below
"$python" -m openapi_python_client generate --url "http://127.0.0.1:$port/openapi.json" --output-path "$work/generated" --meta none >"$work/generator" 2>&1 ||
    { cat "$work/generator"; exit 1; }
! grep -i 'endpoint will not be generated\|unable to process\|error(s) encountered' "$work/generator" || exit 1
# version 0.29 forgets an import where a call has several kinds of body and no optional parameter
grep -rl '| Unset' "$work/generated/api" | xargs grep -L 'import.*Unset' | xargs -r sed -i 's/^from \.\.\.types import /&Unset, /'
PYTHONPATH=$work "$python" "$here/openapi_client.py" "http://127.0.0.1:$port" "$work/body.json"
kill -0 $server
