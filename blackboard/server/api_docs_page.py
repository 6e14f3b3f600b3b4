"""The page with the documentation of the API: all operations, for people. It fetches nothing and runs no script."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from blackboard.server.plain_page import STYLE_POLICY, plain_page

DOCS_POLICY = f"{STYLE_POLICY}; form-action 'none'"
"""The content security policy of the page."""


def docs_page(document: Mapping[str, Any]) -> str:
    """Return the page for an OpenAPI document."""
    base = document["servers"][0]["url"].rstrip("/")
    title = escape(document["info"]["title"])
    parts = [
        f"<p>{_text(document['info']['description'])}",
        f'The same for programs: <a href="{escape(base)}/v1/openapi.json">openapi.json</a>.</p>',
    ]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            parts += _operation(base + path, method.upper(), operation, document["components"]["schemas"])
    return plain_page(title, "\n".join(parts), heading=f"{title} {escape(document['info']['version'])}")


def _operation(path: str, method: str, operation: Mapping[str, Any], schemas: Mapping[str, Any]) -> Iterator[str]:
    """Yield the section of the page about one operation."""
    name = escape(operation["operationId"])
    yield f'<h2 id="{name}"><b>{method}</b> <code>{escape(path)}</code></h2>'
    yield f"<p>{_text(operation['summary'])} {_text(operation['description'])}</p>"
    rows = [(item["name"], item["in"], item["required"], item["schema"]) for item in operation["parameters"]]
    for media, content in operation.get("requestBody", {}).get("content", {}).items():
        body = schemas[content["schema"]["$ref"].rpartition("/")[2]]
        required = body.get("required", ())
        yield f"<p>The body is <code>{escape(media)}</code>.</p>"
        rows += [(field, "body", field in required, shape) for field, shape in body.get("properties", {}).items()]
    if rows:
        yield "<table><tr><th>name</th><th>in</th><th>type</th><th>meaning</th></tr>"
        for field, place, is_required, shape in rows:
            kind = escape(_type_of(shape)) + (", required" if is_required else "")
            yield f"<tr><td><code>{escape(field)}</code></td><td>{place}</td><td>{kind}</td>"
            yield f"<td>{_text(shape.get('description', ''))}</td></tr>"
        yield "</table>"
    yield "<details><summary>Responses</summary><table>"
    for status, response in operation["responses"].items():
        yield f"<tr><td>{status}</td><td>{_text(response['description'])}</td></tr>"
    yield "</table></details>"


def _type_of(shape: Mapping[str, Any]) -> str:
    """Return the type of a value in words."""
    if "$ref" in shape:
        return str(shape["$ref"]).rpartition("/")[2]
    if "enum" in shape:
        return " or ".join(map(str, shape["enum"]))
    if "anyOf" in shape:
        return " or ".join(_type_of(choice) for choice in shape["anyOf"] if choice != {"type": "null"})
    return str(shape.get("type", "any"))


def _text(text: str) -> str:
    """Return a text as HTML; words between backticks are code."""
    parts = escape(text, quote=False).split("`")
    return "".join(f"<code>{part}</code>" if number % 2 else part for number, part in enumerate(parts))
