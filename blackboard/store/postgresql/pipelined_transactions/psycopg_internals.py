"""The parts of psycopg that `statement_pipeline` uses and psycopg does not document, and a check that they exist.

A later version of psycopg may change or remove them. So only tested versions may be installed. If another version lacks
a part, the check fails with an error that names the version, before a statement is sent.
"""

from __future__ import annotations

import inspect
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pkgutil import resolve_name

from blackboard.errors import StoreError

TESTED_PSYCOPG = "psycopg>=3.3,<3.4"

FUNCTIONS = {
    "psycopg.adapt:Transformer.dump_sequence": 3,
    "psycopg.adapt:Transformer.load_rows": 4,
    "psycopg.adapt:Transformer.set_pgresult": 2,
    "psycopg.errors:error_from_result": 2,
    "psycopg.pq:PGconn.consume_input": 1,
    "psycopg.pq:PGconn.enter_pipeline_mode": 1,
    "psycopg.pq:PGconn.exit_pipeline_mode": 1,
    "psycopg.pq:PGconn.flush": 1,
    "psycopg.pq:PGconn.get_result": 1,
    "psycopg.pq:PGconn.is_busy": 1,
    "psycopg.pq:PGconn.pipeline_sync": 1,
    "psycopg.pq:PGconn.send_prepare": 4,
    "psycopg.pq:PGconn.send_query_params": 5,
    "psycopg.pq:PGconn.send_query_prepared": 4,
}
"""The functions, with the number of arguments that each one is called with. For a method, the object is one of them."""
OTHER_PARTS = (
    "psycopg.adapt:Transformer.formats",
    "psycopg.adapt:Transformer.types",
    "psycopg.pq:PGconn.socket",
    "psycopg.pq:PGconn.transaction_status",
    "psycopg.pq:PGresult.command_status",
    "psycopg.pq:PGresult.command_tuples",
    "psycopg.pq:PGresult.ntuples",
    "psycopg.pq:PGresult.status",
    "psycopg.types.numeric:Int8Dumper",
)


@cache  # once in a process, when its first connection to PostgreSQL is opened
def require_internals() -> None:
    """Find all parts.

    Raises:
        StoreError: The installed version of psycopg does not have one of them, or a function takes other arguments.
    """
    for name in (*FUNCTIONS, *OTHER_PARTS):
        try:
            part = resolve_name(name)
            if name in FUNCTIONS:
                with suppress(ValueError):  # a compiled function need not say which arguments it takes
                    inspect.signature(part).bind(*range(FUNCTIONS[name]))
        except (ImportError, AttributeError, TypeError) as error:
            raise StoreError(
                f"the installed psycopg {version('psycopg')} cannot be used, because {name.replace(':', '.')} is"
                f" missing or takes other arguments; install a tested version: pip install '{TESTED_PSYCOPG}'"
            ) from error
