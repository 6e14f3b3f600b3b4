"""The media types of requests and responses over HTTP."""

from __future__ import annotations

JSON_TYPE = "application/json"
NDJSON_TYPE = "application/x-ndjson"
