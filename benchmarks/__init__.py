"""Benchmarks that everyone can run. The program imports no module from here."""
