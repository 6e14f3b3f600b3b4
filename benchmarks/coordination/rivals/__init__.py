"""One script for each framework, each run in an environment of its own; office.py is what they share."""
