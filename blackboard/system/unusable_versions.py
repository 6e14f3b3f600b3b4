"""The error about a package whose installed version lacks a part that the program uses and that is not documented."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from blackboard.errors import WorkError

PINNED_VERSIONS = {"prometheus_client": "0.26.0", "starlette": "1.10.0", "typer": "0.29.2", "uvicorn": "0.54.0"}
"""The versions with which the tests run, as `constraints.txt` pins them."""


@contextmanager
def undocumented_parts(package: str) -> Iterator[None]:
    """Run the imports of a package's undocumented parts.

    Args:
        package: The package, a key of `PINNED_VERSIONS`.

    Yields:
        Once, to run the imports.

    Raises:
        WorkError: The installed version of the package lacks a part.
        ModuleNotFoundError: The package, or another one that it needs, is not installed.
    """
    try:
        yield
    except ImportError as error:
        module = error.name or package
        if module == package or module.partition(".")[0] != package:
            raise
        raise unusable_version(package, f"has no part that the program needs ({error})") from error


def unusable_version(package: str, reason: str) -> WorkError:
    """Return the error about a package, with the version to install.

    Args:
        package: The package, a key of `PINNED_VERSIONS`.
        reason: A verb with its object: what the installed version does, or does not do.
    """
    from importlib.metadata import version

    return WorkError(
        f"{package} {version(package)} {reason}; install a tested version:"
        f" pip install {package}=={PINNED_VERSIONS[package]}"
    )
