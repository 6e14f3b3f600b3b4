"""A script for each framework, run in its own environment. The scripts share office.py and errand.py."""
