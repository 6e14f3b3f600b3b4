"""The sockets that notify workers of commits of other processes, in the run folder of the board.

After a commit, one datagram goes to each socket. A lost datagram costs at most the length of a tick.

The address of a socket has room for about a hundred bytes. If the path of the run folder is longer, or its file system
has no sockets, the socket is in a temporary folder of its own. The run folder then has a symbolic link to the socket.
So no other process needs to know where temporary files are.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import socket
import stat
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from blackboard.errors import StoreError
from blackboard.system import forks
from blackboard.system.files.file_owners import is_private_folder
from blackboard.system.files.private_files import set_mode

MAX_ADDRESS_BYTES = 100
"""The largest number of bytes in the path of a socket. Systems allow 104 or 108."""

FOLDER = re.compile(r"blackboard-\d+-[0-9a-f]{16}")
"""The name of a temporary folder of a socket."""


def _listen(path: Path, mode: int) -> socket.socket:
    """Return a socket that listens under a path in the run folder, for the users of a file of this mode.

    Raises:
        StoreError: No socket can be made, neither there nor in the temporary folder.
    """
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    if len(os.fsencode(path)) <= MAX_ADDRESS_BYTES:
        with contextlib.suppress(OSError):
            listening.bind(str(path))
            os.chmod(path, mode)
            return listening
    try:
        address = _temporary_folder() / path.name
        _delete_abandoned(address.parent.parent)
        path.symlink_to(address)  # the link is made first: by it, other workers find the folder of a dead worker
        address.parent.mkdir(mode=0o700)
        set_mode(address.parent, 0o700)
        listening.bind(str(address))
    except OSError as error:
        listening.close()
        delete(path)
        raise StoreError(
            f"no socket can be made at {path}, nor in the temporary folder: {error}; set TMPDIR to a folder of your own"
        ) from None
    return listening


def addresses(folder: Path) -> Iterator[str]:
    """Yield the address of each socket of a run folder.

    Raises:
        OSError: The folder cannot be read.
    """
    with os.scandir(folder) as entries:
        sockets = [entry for entry in entries if entry.name.endswith(".sock")]
    for entry in sockets:
        address = _target(entry.path) if entry.is_symlink() else entry.path
        if address is not None:
            yield address


def delete(path: Path) -> None:
    """Delete a socket of the run folder, and its temporary folder."""
    if path.is_symlink() and (address := _target(path)) is not None:
        with contextlib.suppress(OSError):
            os.unlink(address)
        with contextlib.suppress(OSError):
            os.rmdir(os.path.dirname(address))
    with contextlib.suppress(OSError):
        path.unlink()


def delete_all(folder: Path) -> None:
    """Delete each socket of a run folder whose workers are dead, and the temporary folders that links lead to."""
    for path in folder.glob("*.sock"):
        delete(path)


def _delete_abandoned(temporary: Path) -> None:
    """Delete this user's folders with sockets that no process listens on.

    A killed worker leaves its folder behind. The next worker of its board finds the folder by the link, but if the
    board was deleted, there is no next worker. A folder without a socket stays: another worker is just making it.
    """
    for folder in temporary.glob(f"{_prefix()}*"):
        with contextlib.suppress(OSError):
            if FOLDER.fullmatch(folder.name) and is_private_folder(folder):
                _delete_if_abandoned(folder)


def _delete_if_abandoned(folder: Path) -> None:
    sockets = [folder / name for name in os.listdir(folder)]
    if sockets and all(map(_is_abandoned, sockets)):
        for path in sockets:
            path.unlink()
        folder.rmdir()


def _is_abandoned(path: Path) -> bool:
    """Return whether a path is a socket that no process listens on.

    Raises:
        OSError: The path does not exist.
    """
    if not stat.S_ISSOCK(os.lstat(path).st_mode):
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect(str(path))
        except ConnectionRefusedError:
            return True
    return False


def _prefix() -> str:
    return f"blackboard-{os.getuid()}-"


def _temporary_folder() -> Path:
    """Return a new path in the temporary folder, or in /tmp if the temporary folder's own path is long."""
    name = f"{_prefix()}{secrets.token_hex(8)}"
    folder = Path(tempfile.gettempdir()).absolute()
    fits = len(os.fsencode(folder / name / "01234567.sock")) <= MAX_ADDRESS_BYTES
    return (folder if fits else Path("/tmp")) / name


def _target(link: str | Path) -> str | None:
    """Return the address that a link leads to; None if it is gone, or in a folder of another user."""
    try:
        address = os.readlink(link)
        return address if is_private_folder(os.path.dirname(address)) else None
    except OSError:
        return None


class WorkerNotifier:
    """The sender of notifications to the daemons of one board, whose run folder is given."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._socket: socket.socket | None = None
        forks.register(self)

    def notify(self) -> None:
        """Notify every daemon. Never fails: a daemon that cannot be notified reads the board at its next tick."""
        # Listed each time, which takes a few microseconds: a folder's modification time is too coarse for a cache.
        try:
            listening = list(addresses(self._folder))
            if not listening:
                return
            if self._socket is None:
                self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                self._socket.setblocking(False)
        except OSError:  # no folder, or no descriptor is free
            return
        for address in listening:
            # A full socket belongs to a daemon that is awake already, a refusing socket to a dead daemon.
            with contextlib.suppress(OSError):
                self._socket.sendto(b"!", address)

    def close(self) -> None:
        """Close the socket."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def before_fork(self) -> None:
        """Do nothing: the socket has no state."""

    def after_fork(self, *, in_child: bool) -> None:
        """In a child, close the parent's socket."""
        if in_child:
            self.close()


class WorkerListener:
    """The socket of one worker, on which a thread waits for notifications.

    Args:
        path: The path of the socket in the run folder.
        mode: The mode of the file of the board.
        wake: Called from the thread after a commit of another process.

    Raises:
        StoreError: No socket can be made.
    """

    def __init__(self, path: Path, mode: int, wake: Callable[[], None]) -> None:
        self._socket = _listen(path, mode)
        self._wake = wake
        forks.register(self)

    def start(self) -> None:
        """Start the thread."""
        threading.Thread(target=self._run, daemon=True, name="blackboard-notify").start()

    def close(self) -> None:
        """End the thread, and close the socket."""
        with contextlib.suppress(OSError):  # ends the thread's wait, before its socket is closed
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def before_fork(self) -> None:
        """Do nothing: this process goes on listening."""

    def after_fork(self, *, in_child: bool) -> None:
        """In a child, close the socket, on which the parent goes on listening."""
        if in_child:
            self._socket.close()

    def _run(self) -> None:
        while True:
            try:
                if not self._socket.recv(16):
                    return
            except OSError:
                return
            with contextlib.suppress(MemoryError):  # the tick finds the work
                self._wake()
