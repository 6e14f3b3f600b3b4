"""The media types of requests and answers over HTTP."""

from __future__ import annotations

JSON_TYPE = "application/json"
NDJSON_TYPE = "application/x-ndjson"
