"""The Open Inference Protocol calls of a running service, asked by a client that is not ours (tritonclient[http], PyPI).

usage: v2_client.py HOST:PORT BODY.json        BODY is what `aml-miner request` writes; prints what was compared, fails on a difference
"""

import json
import sys
import urllib.request

import numpy as np
import tritonclient.http as triton


def plain(address, path, body):
    request = urllib.request.Request(f"http://{address}{path}", body, {"content-type": "application/json"})
    with urllib.request.urlopen(request) as reply:
        return json.load(reply)


def batch_input(body):
    tensor = triton.InferInput("batch", [1], "BYTES")
    tensor.set_data_from_numpy(np.array([body], dtype=np.object_))
    return tensor


def main(address, path):
    with open(path, "rb") as file:
        body = file.read()
    client = triton.InferenceServerClient(address)
    assert client.is_server_live() and client.is_server_ready()
    print("server", client.get_server_metadata())
    for model, call, key in [("alert_scorer", "/score/alerts?explain=false", "alert_id"), ("alert_ranker", "/rank/alerts", "alert_id"),
                             ("cluster_scorer", "/score/clusters?explain=false", "cluster_id")]:
        assert client.is_model_ready(model)
        metadata = client.get_model_metadata(model)
        assert client.get_model_metadata(model, metadata["versions"][0]) == metadata
        expected = {row[key]: row["score"] for row in plain(address, call, body)}
        for binary in [True, False]:
            outputs = [triton.InferRequestedOutput(name, binary_data=binary) for name in ["id", "score"]]
            answer = client.infer(model, [batch_input(body)], outputs=outputs)
            ids = [name.decode() if isinstance(name, bytes) else name for name in answer.as_numpy("id")]
            assert dict(zip(ids, answer.as_numpy("score"), strict=True)) == expected, model
        # by default the client sends and asks for bytes
        width = metadata["inputs"][0]["shape"][1]
        rows = np.full((3, width), np.nan)
        rows[1] = 0.5
        rows[2] = np.arange(width)
        tensor = triton.InferInput("features", list(rows.shape), "FP64")
        tensor.set_data_from_numpy(rows)
        scores = client.infer(model, [tensor]).as_numpy("score")
        assert scores.shape == (3,) and np.isfinite(scores).all()
        print(f"{model}: {len(expected)} scores of a batch as by {call}, as bytes and as JSON; {width} features a row")
    try:
        client.infer("other", [batch_input(body)])
        raise SystemExit("a model that is none answered")
    except triton.InferenceServerException as error:
        print("refused as it should be:", error)


main(*sys.argv[1:])
