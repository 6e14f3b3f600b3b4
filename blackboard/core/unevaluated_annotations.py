"""Annotations of classes and functions, read without being evaluated.

Since Python 3.14, an annotation may name what is defined later, or is imported for type checkers only. By default,
`__annotations__` and `inspect.signature` look such a name up, and fail.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Collection
from typing import Any

if sys.version_info >= (3, 14):
    from annotationlib import Format


def annotated_names(cls: type) -> Collection[str]:
    """Return the names that the body of a class annotates."""
    if sys.version_info >= (3, 14):
        return inspect.get_annotations(cls, format=Format.FORWARDREF)
    return inspect.get_annotations(cls)


def parameter_names(function: Callable[..., Any]) -> Collection[str]:
    """Return the names of a function's parameters."""
    if sys.version_info >= (3, 14):
        return inspect.signature(function, annotation_format=Format.FORWARDREF).parameters
    return inspect.signature(function).parameters
