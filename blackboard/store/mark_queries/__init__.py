"""The statements for live marks, whose texts vary.

live_marks   the statements that compute strengths by the formulas of the decay laws
tag_filters  filters of statements by tags
"""
