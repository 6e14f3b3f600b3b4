"""Watches: what counts for them, when they cross, and which crossings wait in which order."""
