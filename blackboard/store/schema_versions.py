"""The versions of the schema."""

from __future__ import annotations

KNOWN = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009", "0010", "0011")
"""Every migration, oldest first. A test compares them with the folder."""

HEAD = KNOWN[-1]
"""The newest migration."""
