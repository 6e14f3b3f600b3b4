"""Programs for work on the blackboard itself. No program of it imports them."""
