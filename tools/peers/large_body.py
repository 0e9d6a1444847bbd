"""Prints a request of many alerts and many address rows: large_body.py ALERTS ADDRESSES > body.json

Rows are those of the sample batch (`AML_MINER_DATA`) over and over, under addresses of their own.
"""
import json
import math
import sys

import fastapi_baseline


def main(n_alerts, n_addresses):
    frame, _ = fastapi_baseline.address_features()
    rows = [{k: (None if isinstance(v, float) and math.isnan(v) else v) for k, v in row.items()} for row in frame.to_dict("records")]
    alerts = fastapi_baseline.payload(1)["alerts"][0]
    out = sys.stdout
    out.write('{"clusters":[],"alerts":[')
    for i in range(n_alerts):
        out.write("," if i else "")
        json.dump(dict(alerts, alert_id=f"alert-{i}", address=f"address-{i * 7919 % n_addresses}"), out)
    out.write('],"features":[')
    for i in range(n_addresses):
        out.write("," if i else "")
        json.dump(dict(rows[i % len(rows)], address=f"address-{i}"), out)
    out.write("]}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
