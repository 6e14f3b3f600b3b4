"""The plain page: the frame of the pages without scripts, which are the sign-in and the documentation of the API."""

from __future__ import annotations

import base64
import hashlib

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 56rem; margin: 2rem auto; padding: 0 1rem; color: #1d1f21;
  background: #fff }
code, pre { font: 14px/1.45 ui-monospace, monospace; background: #f2f3f5; border-radius: 4px }
code { padding: 0 .25rem } pre { padding: .75rem; overflow: auto }
h2 { margin-top: 2.5rem; font-size: 1.15rem } th { text-align: left; font-weight: 600 }
td, th { padding: .15rem .75rem .15rem 0; vertical-align: top } summary { cursor: pointer }
b { display: inline-block; min-width: 4.5rem }
@media (prefers-color-scheme: dark) { body { color: #e6e6e6; background: #16181a } code, pre { background: #25282b } a {
  color: #8ab4f8 } }
"""
_DIGEST = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
STYLE_POLICY = f"default-src 'none'; style-src 'sha256-{_DIGEST}'; base-uri 'none'; frame-ancestors 'none'"
"""The content security policy of a page that has this style and loads nothing."""


def plain_page(title: str, content: str, *, heading: str | None = None, head: str = "") -> str:
    """Return a page in this style.

    Args:
        title: The title, as HTML.
        content: What follows the heading, as HTML.
        heading: The heading, as HTML; by default the title.
        head: Further elements of the head, as HTML.
    """
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">{head}'
        f"<title>{title}</title><style>{STYLE}</style></head><body>\n"
        f"<h1>{title if heading is None else heading}</h1>\n{content}\n</body></html>\n"
    )
