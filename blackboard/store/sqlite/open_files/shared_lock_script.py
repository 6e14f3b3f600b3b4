"""A script that holds a shared lock on an SQLite file, as a reader does, until its standard input ends.

While it runs, no connection of another process believes that it is the last connection to the file.
"""

from __future__ import annotations

import fcntl
import os
import sys

PENDING_BYTE = 0x40000000
"""The first byte of SQLite's locks in a file."""
FIRST, LENGTH = PENDING_BYTE + 2, 510
"""The bytes of the shared lock: https://www.sqlite.org/lockingv3.html."""


def main() -> None:
    """Lock the file that the first argument names."""
    handle = os.open(sys.argv[1], os.O_RDONLY | os.O_CLOEXEC)
    fcntl.lockf(handle, fcntl.LOCK_SH, LENGTH, FIRST)
    sys.stdout.write("held\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main()
