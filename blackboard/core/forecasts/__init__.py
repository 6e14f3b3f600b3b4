"""What fading alone will do to a condition.

strength_forecast  the values of measures at an instant, and when fading alone makes a condition true
episodes           how long a condition has held, and when its watch crosses for that
"""
