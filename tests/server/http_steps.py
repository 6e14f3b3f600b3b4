"""Steps of tests over HTTP: to read the problem that a response reports, and to walk through pages."""

from __future__ import annotations

import re
from typing import Any

import httpx2

LEAD = {"kind": "lead", "subject": "lead/1", "payload": {"company": "Acme"}}


def problem(response: httpx2.Response) -> str:
    """Return the type of the problem that a response reports."""
    assert response.headers["content-type"] == "application/problem+json"
    document = response.json()
    assert document["status"] == response.status_code
    return str(document["type"]).removeprefix("urn:blackboard:problem:")


def pages(client: httpx2.Client, path: str, **parameters: Any) -> list[Any]:
    """Return each page of a list: its items, or the object that has them."""
    found = []
    response = client.get(path, params=parameters)
    while True:
        assert response.status_code == 200, response.text
        found.append(response.json())
        if "next" not in response.links:
            return found
        response = client.get(response.links["next"]["url"])


def filled(path: str) -> str:
    """Return the path of an operation with names of the served board, and 1 for each id."""
    names = {"kind": "lead", "agent": "sales"}
    return re.sub(r"\{(\w+)\}", lambda found: names.get(found[1], "1"), path)
