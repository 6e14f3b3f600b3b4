"""Support for packages of agents, besides `blackboard` and `blackboard.errors`: settings, the log, and files.

An agent may change a file that it shares with other programs and users. Such a file needs the same care as the files
of a board.
"""

from blackboard.clock import to_datetime
from blackboard.durations import parse_duration
from blackboard.system.encoding_detection import find_unicode_form
from blackboard.system.failpoints import failpoint
from blackboard.system.files.file_owners import others_who_place
from blackboard.system.files.private_files import PRIVATE_MODE, parse_mode
from blackboard.system.forks import closed_in_children
from blackboard.system.log_queue import Log

__all__ = [
    "PRIVATE_MODE",
    "Log",
    "closed_in_children",
    "failpoint",
    "find_unicode_form",
    "others_who_place",
    "parse_duration",
    "parse_mode",
    "to_datetime",
]
