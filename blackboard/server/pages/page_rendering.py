"""The rendering of pages: templates, and how values are written in HTML. A value is always text, never markup."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from blackboard.clock import from_datetime, from_milliseconds, iso, to_datetime
from blackboard.durations import SECOND, format_duration
from blackboard.presentation.json_shapes import json_value

LIVE = "live_"
"""The start of the name of each live part of a template, which is rendered again when the board changes."""


@cache
def _environment() -> Environment:
    """Return the environment of the templates, with the filters that they use."""
    environment = Environment(
        loader=PackageLoader("blackboard.server.pages"),
        autoescape=True,
        auto_reload=False,  # an upgrade on the disk must not change the pages of a running server
        cache_size=-1,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "time": _time,
        "milliseconds": _datetime_of,
        "seconds": _seconds,
        "number": _number,
        "counted": counted_with_commas,
        "bytes": _bytes,
        "usd": _usd,
        "json": _json,
        "strength": _strength,
    }
    environment.globals |= {"parts": environment.get_template("parts.html").module}
    return environment


@cache
def load_files() -> None:
    """Load all templates, styles and scripts. A running server does not read them again."""
    environment = _environment()
    for name in environment.list_templates():
        environment.get_template(name)
    static_version()


def render_page(name: str, values: Mapping[str, object]) -> str:
    """Return a page, with all of its parts."""
    return _template(name).render(values)


def live_parts(name: str, values: Mapping[str, object]) -> dict[str, str]:
    """Return the live parts of a page, by their names."""
    template = _template(name)
    context = template.new_context(dict(values))
    return {part: "".join(blocks(context)).strip() for part, blocks in _live_blocks(template)}


def html_safe_json(value: object) -> str:
    """Return a value as JSON that may stand in HTML."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=json_value)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _template(name: str) -> Template:
    return _environment().get_template(f"{name}.html")


def _live_blocks(template: Template) -> Iterator[tuple[str, Any]]:
    for name, block in template.blocks.items():
        if name.startswith(LIVE):
            yield name.removeprefix(LIVE), block
    # Each template extends `frame.html`, which has the parts of the frame around every page.
    for name, block in _environment().get_template("frame.html").blocks.items():
        if name.startswith(LIVE) and name not in template.blocks:
            yield name.removeprefix(LIVE), block


def _time(at: datetime | None, none: str = "–") -> Markup | str:
    """Return a time. Scripts in the browser show how long ago it was."""
    if at is None:
        return none
    text = iso(from_datetime(at))
    return Markup('<time datetime="{0}" title="{0}">{1}</time>').format(text, f"{at:%Y-%m-%d %H:%M:%S} UTC")


def _datetime_of(at: float | None) -> datetime | None:
    return None if at is None else to_datetime(from_milliseconds(at))


def _number(value: float | None, none: str = "–") -> str:
    return none if value is None else f"{value:,}"


def counted_with_commas(value: int, noun: str) -> str:
    """Return a number, with commas, and its noun: `1 call`, `2,000 calls`."""
    return f"{value:,} {noun}{'' if value == 1 else 's'}"


def _usd(value: float | None, none: str = "–") -> str:
    """Return an amount with two digits after the point, or four below $1."""
    if value is None:
        return none
    return f"${value:,.2f}" if value == 0 or value >= 1 else f"${value:.4f}"


def _strength(value: float) -> str:
    return f"{value:.3f}"


def _seconds(value: float | None) -> str:
    """Return a length of time, rounded so that it is easy to read."""
    if value is None:
        return "–"
    if value < 1:
        return f"{value * 1000:.3g} ms"
    return f"{value:.3g} s" if value < 60 else format_duration(round(value) * SECOND)


def _bytes(value: float | None) -> str:
    """Return a size."""
    if value is None:
        return "–"
    for unit in ("bytes", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, default=json_value)


@cache
def static_files() -> Mapping[str, bytes]:
    """Return the styles and the scripts of the pages by their names."""
    folder = files("blackboard.server.pages") / "static"
    return {item.name: item.read_bytes() for item in folder.iterdir() if item.name.endswith((".css", ".js", ".svg"))}


@cache
def static_version() -> str:
    """Return a text that changes with the styles and scripts. Their addresses contain it, so browsers may keep them."""
    digest = hashlib.sha256()
    for name, content in sorted(static_files().items()):
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:16]
