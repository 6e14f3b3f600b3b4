"""The board's time, and the question to a person when the clock leaps ahead.

board_time          the board's time, from the clock and what the board recorded
clock_confirmation  the question about a clock that leapt ahead, and what the answer does

A reader loads only `board_time`, because `clock_confirmation` needs the modules of deposits.
"""
