"""The batches that the simulated API has got, and their requests."""

from __future__ import annotations

import json
from typing import Any

from tests.support.fake_api_server import Call
from tests.support.messages_api import MessagesApi


def batches(api: MessagesApi) -> list[Call]:
    return [call for call in api.calls if call.path == "/v1/messages/batches" and call.method == "POST"]


def requests_in(call: Call) -> list[dict[str, Any]]:
    requests: list[dict[str, Any]] = json.loads(call.body)["requests"]
    return requests
