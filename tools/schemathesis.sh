#!/bin/sh
# Whether the service keeps its own OpenAPI document under requests that nobody would think of.
#
#   tools/schemathesis.sh [EXAMPLES [PYTHON]]
#
# Needs the release build and schemathesis (PyPI) in the environment of PYTHON.
set -eu
examples=${1:-100}
python=${2:-python3}
here=$(cd "$(dirname "$0")" && pwd)
port=8393
work=$(mktemp -d)
"$here/../target/release/aml-miner" serve --models "$here/../models" --port $port --log-level warn >"$work/log" 2>&1 &
server=$!
trap 'kill $server 2>/dev/null || true; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
for _ in $(seq 1 100); do
    "$python" -c "import urllib.request as u; u.urlopen('http://127.0.0.1:$port/readyz')" 2>/dev/null && break
    sleep 0.1
done
# Left out: that whatever keeps the schema is taken. JSON Schema cannot say that ids stand once, nor that a tensor is as long
# as its shape; tests/http/openapi.rs tries both ways for what it can say.
"$python" -m schemathesis.cli run "http://127.0.0.1:$port/openapi.json" --checks all --exclude-checks positive_data_acceptance \
    --max-examples "$examples" --generation-deterministic --request-timeout 20 || { cat "$work/log"; exit 1; }
kill -0 $server
