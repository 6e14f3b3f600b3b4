"""Support code for tests and benchmarks. It contains no tests."""
