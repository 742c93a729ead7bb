"""Hooks of schemathesis: fills most requests with existing objects, keeps the account usable, and counts the answers."""

import atexit
import json
import os
import random
import uuid

import schemathesis

SETTINGS = json.loads(os.environ["ZERODB_FUZZ"])
# Values of the path's keys that name something of the account's, by operation.
FIXTURES = SETTINGS["fixtures"]
KEPT = {value for keys in FIXTURES.values() for value in keys.values()}
STREAMS = set(SETTINGS["streams"])
STREAM_SECONDS = 1.0
# Texts that only few values of their type are: without them such requests are refused before they do anything.
WORDS = SETTINGS["words"]

luck = random.Random(SETTINGS["seed"])
counts = {}
if os.path.exists(SETTINGS["counts"]):
    with open(SETTINGS["counts"]) as file:
        counts = json.load(file)


@schemathesis.hook
def before_call(context, case, kwargs):
    label = case.operation.label
    path = case.path_parameters or {}
    known = FIXTURES.get(label, {})
    if case.method != "DELETE" and luck.random() < 0.8:
        for key, value in known.items():
            if key in path:
                path[key] = value
    # A DELETE must not take what the other requests need.
    if case.method == "DELETE":
        for key, value in path.items():
            if value in KEPT and key != "project_id":
                path[key] = str(uuid.uuid4())
    # A suspended project would refuse all later writes.
    if label.endswith("/suspend"):
        path["project_id"] = str(uuid.uuid4())
        if label in SETTINGS["kept"]:
            path["project_id"] = str(uuid.uuid4())
    if isinstance(case.body, dict) and luck.random() < 0.6:
        for key, values in WORDS.get(label, {}).items():
            case.body[key] = luck.choice(values)
    if label in STREAMS:
        kwargs["timeout"] = STREAM_SECONDS


@schemathesis.hook
def after_call(context, case, response):
    statuses = counts.setdefault(case.operation.label, {})
    status = str(response.status_code)
    statuses[status] = statuses.get(status, 0) + 1


@atexit.register
def write_counts():
    with open(SETTINGS["counts"], "w") as file:
        json.dump(counts, file)
