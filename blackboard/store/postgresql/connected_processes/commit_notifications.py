"""Notifications of commits between the processes on a board: the connection that hears them, and their sender.

The same connection holds the locks that show that the workers of its process are alive. No work depends on a
notification, because a process also reads the board at each tick. After each new connection, every subscriber is woken,
because commits before it were not heard.
"""

from __future__ import annotations

import contextlib
import secrets
import selectors
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

from blackboard.clock import SystemClock, microseconds_in
from blackboard.durations import SECOND
from blackboard.store.connections.reader_pool import ReaderPool
from blackboard.store.postgresql.connected_processes.worker_locks import WorkerLocks
from blackboard.system import forks

FIRST_DELAY_SECONDS = 0.05
"""The delay before the first attempt to connect again, in seconds. It doubles with each further attempt."""
MAX_DELAY_SECONDS = 1.0
MAX_NEW_LOCK_SECONDS = 5.0
"""How long a new lock is waited for, in seconds."""
LOCK_CHECK_SECONDS = 2.0
"""The time between two looks at the locks of other workers, in seconds."""

_CHANNEL = "blackboard_"
"""The beginning of the name of a board's channel; the id of the board follows."""


class ListeningConnection:
    """The one listening connection of a process to a board. It is open while there is a subscriber.

    Args:
        connect: Opens a connection on which each statement is a transaction, and which keeps its settings.
    """

    def __init__(self, connect: Callable[[], Any]) -> None:
        self.sender = secrets.token_hex(8)
        """The name of this process in its notifications. It ignores its own notifications."""
        self.is_connected = False
        """Whether the connection is open."""
        self._connect = connect
        self._clock = SystemClock()
        self._lock = threading.Lock()
        self._subscribers: list[Callable[[], None]] = []
        self._worker_locks = WorkerLocks()
        self._ready = threading.Event()
        self._thread: threading.Thread | None = None
        self._ours: socket.socket | None = None
        self._threads: socket.socket | None = None
        forks.register(self)

    def subscribe(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Call `wake` after commits of other processes, from the listener's thread.

        Returns:
            A function that unsubscribes.
        """
        with self._lock:
            self._subscribers.append(wake)
            if self._thread is None:
                self._ours, self._threads = socket.socketpair()
                self._ready.clear()
                self._thread = threading.Thread(
                    target=self._run, args=(self._threads,), daemon=True, name="blackboard-listener"
                )
                self._thread.start()

        def unsubscribe() -> None:
            with self._lock:
                if wake in self._subscribers:
                    self._subscribers.remove(wake)
                thread, ours = self._thread, self._ours
                if self._subscribers or thread is None or ours is None:
                    return
                self._thread = self._ours = None
            ours.close()  # ends the thread
            thread.join(MAX_NEW_LOCK_SECONDS)

        return unsubscribe

    def hold(self, key: int) -> None:
        """Hold a lock from now on, and take it again on each new connection. It is usually held when this returns."""
        self._worker_locks.wanted.add(key)
        self._ready.clear()
        self._poke()
        self._ready.wait(MAX_NEW_LOCK_SECONDS)

    def release(self, key: int) -> None:
        """Give a lock up."""
        self._worker_locks.wanted.discard(key)
        self._poke()

    def holds(self, key: int) -> bool:
        """Return whether the present connection has a lock."""
        return self.is_connected and self._worker_locks.is_taken(key)

    def is_dead(self, key: int) -> bool:
        """Return whether the lock of a registered worker has been free for long enough."""
        return self._worker_locks.is_dead(key)

    def take_news_of_death(self) -> bool:
        """Return whether another worker has died since the last call."""
        return self._worker_locks.take_news_of_death()

    def before_fork(self) -> None:
        """Do nothing: this process continues to listen."""

    def after_fork(self, *, in_child: bool) -> None:
        """In a child, forget the connection, the thread and the subscribers of the parent."""
        if not in_child:
            return
        for end in (self._ours, self._threads):
            if end is not None:
                end.close()
        self._ours = self._threads = self._thread = None
        self._lock, self._ready = threading.Lock(), threading.Event()
        self._subscribers, self._worker_locks = [], WorkerLocks()
        self.sender, self.is_connected = secrets.token_hex(8), False

    # -- the thread --------------------------------------------------------------------------------------------------

    def _poke(self) -> None:
        with self._lock:
            if self._ours is not None:
                with contextlib.suppress(OSError):
                    self._ours.send(b"!")

    def _run(self, commands: socket.socket) -> None:
        """Connect again and again until the other end of `commands` is closed."""
        delay = FIRST_DELAY_SECONDS
        with commands:
            commands.setblocking(False)
            while _take_commands(commands):
                with contextlib.suppress(Exception), contextlib.closing(self._connect()) as connection:
                    with forks.closed_in_children(connection.fileno()):
                        self._serve(connection, commands)
                    return  # no subscriber is left
                if self.is_connected:
                    delay = FIRST_DELAY_SECONDS
                self.is_connected = False
                self._worker_locks.lose_connection()
                with _selector(commands) as selector:
                    selector.select(delay)
                delay = min(2 * delay, MAX_DELAY_SECONDS)

    def _serve(self, connection: Any, commands: socket.socket) -> None:
        """Listen on a connection until no subscriber is left.

        Raises:
            Exception: The connection is lost.
        """
        has_changed = True

        def hear(payload: str) -> None:
            nonlocal has_changed
            has_changed = has_changed or payload != self.sender

        cursor = connection.cursor()
        cursor.execute("SELECT uid FROM board")
        cursor.execute(f'LISTEN "{_CHANNEL}{cursor.fetchone()[0]}"')
        connection.add_notify_handler(lambda notification: hear(notification.payload))
        next_look = self._clock.monotonic()
        with _selector(commands, connection) as selector:
            while _take_commands(commands):
                self._worker_locks.take(cursor)
                self.is_connected = True
                self._ready.set()
                if (now := self._clock.monotonic()) >= next_look:
                    next_look = now + microseconds_in(LOCK_CHECK_SECONDS)
                    has_changed = self._worker_locks.look_for_dead(cursor) or has_changed
                if has_changed:
                    has_changed = False
                    self._wake_all()
                if selector.select(max(0.0, (next_look - self._clock.monotonic()) / SECOND)):
                    for payload in _received(connection):
                        hear(payload)
            self.is_connected = False

    def _wake_all(self) -> None:
        for wake in list(self._subscribers):
            with contextlib.suppress(Exception):  # the tick finds the work
                wake()


def notify_statements(sender: str) -> str:
    """Return the statements that notify every listener of a board, except the sender's own.

    They are a transaction that does not wait for the disk, because no other notification could be committed meanwhile.
    """
    return (
        "BEGIN; SET LOCAL synchronous_commit = off;"
        f" SELECT pg_notify('{_CHANNEL}' || uid, '{sender}') FROM board; COMMIT"
    )


@contextlib.contextmanager
def _selector(*files: Any) -> Iterator[selectors.BaseSelector]:
    with selectors.DefaultSelector() as selector:
        for file in files:
            selector.register(file, selectors.EVENT_READ)
        yield selector


def _take_commands(commands: socket.socket) -> bool:
    """Take the commands that have arrived, and return whether the other end is still open."""
    try:
        while data := commands.recv(64):
            del data
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _received(connection: Any) -> Iterator[str]:
    """Yield the payloads of the notifications that have arrived between two statements.

    Raises:
        Exception: The connection is lost.
    """
    connection.pgconn.consume_input()
    while (notification := connection.pgconn.notifies()) is not None:
        yield notification.extra.decode()


class CommitAnnouncer:
    """Announces commits after they were made, one notification at a time for all threads.

    Args:
        pool: Idle connections. One of them sends.
        connect: Opens another one.
        sender: The name of this process, which ignores its own notifications.
    """

    def __init__(self, pool: ReaderPool, connect: Callable[[], Any], sender: str) -> None:
        self._pool, self._connect, self._sender = pool, connect, sender
        self._sending = threading.Lock()
        self._has_commit = False
        """Whether a commit was made that has not been announced."""

    def announce(self) -> None:
        """Notify the other processes. Never fails: they also look at the board at each tick.

        While a thread sends, the commits of other threads are collected. The thread then announces all of them.
        """
        self._has_commit = True
        while self._has_commit and self._sending.acquire(blocking=False):
            try:
                self._has_commit = False
                if not self._send():
                    self._pool.close()  # a server that ended one idle connection has probably ended the others, too
                    self._send()
            finally:
                self._sending.release()

    def _send(self) -> bool:
        """Send a notification, and return whether that succeeded."""
        with contextlib.suppress(Exception), self._pool.lend(self._connect) as connection:
            connection.cursor().execute(notify_statements(self._sender), prepare=False)
            return True
        return False
