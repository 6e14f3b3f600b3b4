"""How long a test waits for what must happen. The bound only ends a hang: no test may need less on a loaded machine."""

BOUND_SECONDS = 120.0
"""The seconds after which an event counts as missing: a message, the end of a thread or process, an answer."""
