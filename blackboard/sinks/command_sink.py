"""Delivery to a program, which gets the message as JSON on its standard input. The exit code 0 means success."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence

from blackboard.board.message_delivery.delivery_queue import FailedAttempt
from blackboard.board.result_types.message_results import OutboxMessage
from blackboard.sinks.message_formats import as_json

PASSED_ON = ("PATH", "HOME", "LANG", "TZ")
"""The variables that every command gets. Other variables may be secrets of the daemon."""


def deliver(
    command: Sequence[str], message: OutboxMessage, seconds: float, environ: Mapping[str, str], names: Sequence[str]
) -> FailedAttempt | None:
    """Run a program without a shell, and return why that failed; None if it ended with 0.

    Args:
        command: The program and its arguments.
        message: The text for its standard input.
        seconds: The time in seconds after which the program is killed.
        environ: The environment of this process.
        names: The variables that it gets in addition to `PASSED_ON`.
    """
    quiet = subprocess.DEVNULL
    try:
        with subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=quiet,
            stderr=quiet,
            start_new_session=True,
            env={name: environ[name] for name in (*PASSED_ON, *names) if name in environ},
        ) as process:
            try:
                process.communicate(as_json(message), seconds)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                return FailedAttempt(f"{command[0]} took more than {seconds:g} s")
    except (OSError, ValueError) as error:
        return FailedAttempt(f"{command[0]} cannot be run: {getattr(error, 'strerror', None) or type(error).__name__}")
    return None if process.returncode == 0 else FailedAttempt(f"{command[0]} ended with exit code {process.returncode}")
