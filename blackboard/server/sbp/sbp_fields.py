"""The base classes and the common fields of the parameters of the protocol.

A field that the protocol does not know is ignored. In a tag filter, and in a request that removes something, such a
field is a mistake, because it may be a misspelt filter.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

MAX_SBP_NAME_CHARACTERS = 200
MAX_SBP_LIST = 1000
MAX_SBP_LIMIT = 10_000

SbpName = Annotated[str, Field(min_length=1, max_length=MAX_SBP_NAME_CHARACTERS)]
"""The name of a trail, a type, a scent or a key."""
Names = Annotated[list[str], Field(max_length=MAX_SBP_LIST)]
Share = Annotated[float, Field(ge=0, le=1)]
SbpLimit = Annotated[int, Field(ge=1, le=MAX_SBP_LIMIT)]
Milliseconds = Annotated[float, Field(ge=0, le=1e14)]


class SbpFields(BaseModel):
    """The parameters of a method, or a part of them."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True, allow_inf_nan=False)


class RemovalFields(SbpFields):
    """The parameters of a method that removes something. With a misspelt filter, it would remove too much."""

    model_config = ConfigDict(extra="forbid")


class SbpTagFilter(SbpFields):
    """The tags that are wanted. An empty list does not restrict the tags."""

    model_config = ConfigDict(extra="forbid")

    any: Names = Field(default_factory=list)
    all: Names = Field(default_factory=list)
    none: Names = Field(default_factory=list)

    def passes(self, tags: Collection[str]) -> bool:
        """Return whether tags include a tag of `any`, each tag of `all`, and no tag of `none`."""
        found = set(tags)
        has_any = not self.any or not found.isdisjoint(self.any)
        return has_any and found.issuperset(self.all) and found.isdisjoint(self.none)
