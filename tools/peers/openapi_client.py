"""The calls of a running service through a client that was generated from its OpenAPI document; see openapi_client.sh.

usage: openapi_client.py URL BODY.json        the package `generated` must be importable; fails on a difference from plain HTTP
"""

import io
import json
import sys
import urllib.error
import urllib.request

from generated import Client
from generated.api.scores import post_rank_alerts, post_score_alerts, post_score_clusters
from generated.api.state import get_health, get_livez, get_version
from generated.api.v2 import get_v2_models_name
from generated.models import BatchData, PostScoreAlertsFilesBody, Refusal
from generated.types import File


def plain(url, body):
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request) as reply:
        return json.load(reply)


def rows(answer):
    assert isinstance(answer, list), answer
    return [{key: value for key, value in row.to_dict().items() if key != "latency_ms"} for row in answer]


def main(url, path):
    with open(path) as file:
        request = json.load(file)
    client = Client(base_url=url)
    body = BatchData.from_dict(request)
    assert body.to_dict() == request, "a request does not survive the client's types"
    calls = [(post_score_alerts, "/score/alerts?top=2", {"top": 2}), (post_rank_alerts, "/rank/alerts", {}),
             (post_score_clusters, "/score/clusters?explain=false", {"explain": False})]
    for call, address, options in calls:
        expected = plain(url + address, request)
        for row in expected:
            row.pop("latency_ms", None)
        assert rows(call.sync(client=client, body=body, **options)) == expected, address
        print(f"{address}: {len(expected)} rows, the same")
    part = lambda name: File(payload=io.BytesIO(json.dumps(request[name]).encode()), file_name=f"{name}.json")
    form = PostScoreAlertsFilesBody(**{name: part(name) for name in ["alerts", "features", "clusters", "money_flows"]})
    assert rows(post_score_alerts.sync(client=client, body=form)) == rows(post_score_alerts.sync(client=client, body=body))
    print("a form of tables: the same")
    refused = urllib.request.Request(url + "/score/alerts", b"{", {"content-type": "application/json"})
    try:
        urllib.request.urlopen(refused)
        raise AssertionError("half an object was taken")
    except urllib.error.HTTPError as error:
        refusal = Refusal.from_dict(json.load(error))
    assert "not JSON" in refusal.detail, refusal
    print("refusals:", refusal.detail)
    assert get_livez.sync(client=client) is not None
    print("health:", get_health.sync(client=client).status, "version:", get_version.sync(client=client).api_version)
    assert get_v2_models_name.sync("alert_scorer", client=client).name == "alert_scorer"


if __name__ == "__main__":
    main(*sys.argv[1:])
