"""The activity of a board.

activity_log   records what agents, people and programs did
event_streams  reads the activity and the history of marks as streams
"""
