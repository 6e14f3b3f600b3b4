"""blackboardx's SqliteStore: writes a second through its board. Runs in an environment of its own."""
