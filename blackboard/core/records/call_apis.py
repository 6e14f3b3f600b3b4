"""The APIs through which models are called."""

from __future__ import annotations

from typing import Literal

CallApi = Literal["messages", "batch", "reported"]
"""`messages`: answered at once. `batch`: the Message Batches API, cheaper and answered within a day. `reported`: a call
that a remote worker made itself, whose cost is what the worker said.
"""
