"""A process that commits bare rows, one at a time: the base of each rate.

python -m benchmarks.postgresql_rates.bare_loop URL NUMBER

See `process_groups` for its input and output. It imports nothing of the program.
"""

from __future__ import annotations

import sys
import time

import psycopg

from benchmarks.postgresql_rates.process_groups import follow_commands

ROW = "INSERT INTO bare (kind, subject, payload, intensity, at) VALUES (%s, %s, %s, %s, %s)"


def main() -> None:
    url, number = sys.argv[1].replace("postgresql+psycopg:", "postgresql:"), int(sys.argv[2])
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.cursor()
        done = 0

        def commit() -> None:
            nonlocal done
            cursor.execute(ROW, ("trace", f"s/{number}/{done}", '{"detail":"one"}', 1.0, time.time_ns() // 1000))
            done += 1

        for _ in range(20):
            commit()
        follow_commands(commit)


if __name__ == "__main__":
    main()
