"""Deleted content that stays in a file until it is overwritten. A server clears its pages itself."""

from __future__ import annotations

from abc import ABC, abstractmethod


class DeletedContent(ABC):
    """The deleted content of a file, in one transaction."""

    @abstractmethod
    def overwrite(self) -> None:
        """Overwrite deleted content with zeros until the end of the transaction."""

    @abstractmethod
    def merge_index(self, pages: int) -> bool:
        """Merge parts of the full-text index, which keeps deleted words until then.

        Args:
            pages: The number of pages to write; negative to begin a merge of all parts.

        Returns:
            Whether there is more to merge.
        """
