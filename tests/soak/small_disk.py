"""A small disk in memory for the board, which only this process and its children see, where the system allows it."""

from __future__ import annotations

import ctypes
import os
import subprocess
from pathlib import Path

__all__ = ["SmallDisk"]

NEW_MOUNTS = 0x00020000
ROOM_BYTES = 1 << 30


class SmallDisk:
    """A folder on a disk whose size can be changed.

    Args:
        folder: An empty folder. It is an ordinary folder if no disk can be mounted, and `is_mounted` is then false.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.is_mounted = (
            os.getuid() == 0
            and ctypes.CDLL(None, use_errno=True).unshare(NEW_MOUNTS) == 0
            and _succeeds("mount", "--make-rprivate", "/")
            and _succeeds("mount", "-t", "tmpfs", "-o", f"size={ROOM_BYTES},mode=0700", "tmpfs", str(folder))
        )

    def fill(self, room: int) -> None:
        """Leave only some bytes of room."""
        for _ in range(100):  # others may write meanwhile, and a disk cannot be smaller than what is on it
            found = os.statvfs(self.folder)
            if self._resize((found.f_blocks - found.f_bfree) * found.f_frsize + room):
                return
        raise OSError(f"{self.folder} cannot be made smaller")

    def empty(self) -> None:
        """Make room again."""
        if not self._resize(ROOM_BYTES):
            raise OSError(f"{self.folder} cannot be made larger")

    def _resize(self, size: int) -> bool:
        return _succeeds("mount", "-o", f"remount,size={size}", str(self.folder))


def _succeeds(*command: str) -> bool:
    try:
        return subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode == 0
    except OSError:
        return False
