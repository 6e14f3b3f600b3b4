"""Help for tests and benchmarks; it has no tests of its own."""
