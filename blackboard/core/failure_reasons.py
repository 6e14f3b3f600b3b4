"""The reason of a failure, as it is stored."""

MAX_REASON_CHARACTERS = 20_000
"""The longest reason that is stored. The rest of a longer one is cut off."""
