"""The clock of other processes, which a preloaded library shifts. Without a compiler it cannot be shifted."""

from __future__ import annotations

import shutil
import struct
import subprocess
from collections.abc import Mapping
from pathlib import Path

from blackboard.durations import SECOND

__all__ = ["SECOND", "YEAR", "ShiftedClock"]

YEAR = 365 * 86_400 * SECOND
SOURCE = Path(__file__).with_suffix(".c")


class ShiftedClock:
    """A shift in microseconds that all processes with `environment` add to the time.

    Args:
        folder: The folder of the library and of the file with the shift.
    """

    def __init__(self, folder: Path) -> None:
        self._file, library = folder / "clock", folder / "shifted_clock.so"
        self.shift = 0
        self.environment: Mapping[str, str] = {}
        """What to add to the environment of a process; empty if the clock cannot be shifted."""
        if (compiler := shutil.which("gcc") or shutil.which("cc")) is not None:
            command = [compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(SOURCE), "-ldl"]
            if subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode == 0:
                self.environment = {"LD_PRELOAD": str(library), "SHIFTED_CLOCK": str(self._file)}
        self._file.write_bytes(struct.pack("q", 0))

    def set(self, shift: int) -> None:
        """Shift the clock by this from now on."""
        self.shift = shift
        with self._file.open("r+b") as file:
            file.write(struct.pack("q", shift))
