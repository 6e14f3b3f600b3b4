"""Measurements that anyone can rerun. Nothing here is imported by the program."""
