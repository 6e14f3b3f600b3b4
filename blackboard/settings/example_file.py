"""A new deployment file, copied from an example that is shipped with the program."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from blackboard.errors import UsageError
from blackboard.settings.settings_file import CONFIG, LOCAL_FILE
from blackboard.system.files.packaged_files import config_file
from blackboard.system.files.private_files import create_private

READABLE_MODE = 0o644
"""The mode of a new deployment file: all users may read it. A file that others can change would be refused."""


def write_example(name: str, path: Path | None = None, environ: Mapping[str, str] | None = None) -> Path:
    """Write an example to the place where the deployment file is looked for, and return the path.

    That is the first of: `path`, BLACKBOARD_CONFIG, ./blackboard.toml.

    Raises:
        UnknownName: There is no such example.
        UsageError: There is a file, or a link.
        OSError: The file cannot be written.
    """
    named = (os.environ if environ is None else environ).get(CONFIG)
    path = Path(os.path.expanduser(path or named or LOCAL_FILE))
    text = config_file(f"{name}.toml").read_bytes()
    try:
        handle = create_private(path, os.O_WRONLY, READABLE_MODE)
    except FileExistsError:
        raise UsageError(f"{path} already exists; name another file with --config, or leave out --example") from None
    with open(handle, "wb") as file:
        file.write(text)
    return path
