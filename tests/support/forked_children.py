"""Work in a forked process."""

from __future__ import annotations

import os
from collections.abc import Callable


def without_rights(work: Callable[[], str]) -> str:
    """Return the result of `work` in a forked process of a user without root rights."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:  # pragma: no cover
        try:
            if os.geteuid() == 0:
                os.setgid(65534)
                os.setuid(65534)
            os.write(writing, work().encode())
        except BaseException as error:
            os.write(writing, f"uncaught {type(error).__name__}: {error}".encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as pipe:
        said = pipe.read()
    os.waitpid(pid, 0)
    return said
