"""The fixture of a served board. Without the extra `server`, the tests of this folder are left out."""

from __future__ import annotations

from tests.support.served_fixture import IS_INSTALLED
from tests.support.served_fixture import served as served

collect_ignore_glob = [] if IS_INSTALLED else ["test_*.py"]
