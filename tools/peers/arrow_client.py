"""A batch as Arrow and as Parquet, written by pyarrow, against a running service: are the scores those of JSON?

  arrow_client.py URL BODY.json

Needs pyarrow. BODY.json is what `aml-miner request` prints. Exits 1 at the first difference.
"""
import io
import json
import sys
import urllib.request
import uuid

import pyarrow as pa
import pyarrow.parquet as pq

ARROW = "application/vnd.apache.arrow.stream"


def post(url, body, kind, accept="application/json"):
    request = urllib.request.Request(url, body, {"content-type": kind, "accept": accept})
    with urllib.request.urlopen(request) as reply:
        return reply.read()


def without_latency(rows):
    return [{key: value for key, value in row.items() if key != "latency_ms"} for row in rows]


def large(table):
    """The same with 64-bit offsets, as pandas 3 and other writers have texts."""
    fields = [field.with_type(pa.large_string()) if pa.types.is_string(field.type) else field for field in table.schema]
    return table.cast(pa.schema(fields))


def arrow(tables):
    sink = pa.BufferOutputStream()
    for name, table in tables.items():
        table = table.replace_schema_metadata({"table": name})
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table, max_chunksize=3)
    return sink.getvalue().to_pybytes(), ARROW


def parquet(tables, compression):
    boundary, body = uuid.uuid4().hex, io.BytesIO()
    for name, table in tables.items():
        body.write(f'--{boundary}\r\ncontent-disposition: form-data; name="{name}"; filename="{name}.parquet"\r\n\r\n'.encode())
        pq.write_table(table, part := io.BytesIO(), compression=compression)
        body.write(part.getvalue() + b"\r\n")
    body.write(f"--{boundary}--\r\n".encode())
    return body.getvalue(), f"multipart/form-data; boundary={boundary}"


def main(url, path):
    with open(path) as file:
        batch = json.load(file)
    tables = {name: pa.Table.from_pylist(rows) for name, rows in batch.items() if isinstance(rows, list) and rows}
    bodies = {"arrow": arrow(tables), "arrow, 64-bit offsets": arrow({name: large(table) for name, table in tables.items()})}
    bodies.update({f"parquet, {how}": parquet(tables, how) for how in ("snappy", "zstd", "gzip", "none")})
    for call in ("/score/alerts?top=3", "/rank/alerts", "/score/clusters?explain=false"):
        expected = without_latency(json.loads(post(url + call, json.dumps(batch).encode(), "application/json")))
        for name, (body, kind) in bodies.items():
            assert without_latency(json.loads(post(url + call, body, kind))) == expected, (call, name)
        answer = pa.ipc.open_stream(post(url + call, *bodies["arrow"], accept=ARROW)).read_all().to_pylist()
        columns = [key for key in expected[0] if key in answer[0]]
        assert [{key: row[key] for key in columns} for row in answer] == [{key: row[key] for key in columns} for row in expected], call
        print(f"{call}: {len(expected)} rows by {len(bodies)} kinds of body; as Arrow too, {len(columns)} columns")


main(*sys.argv[1:])
