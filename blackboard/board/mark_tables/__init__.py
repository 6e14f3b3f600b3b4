"""Sets of marks: of a subject, a group or the board, with a tag, or in a window.

scope_marks      the marks of a subject, of a group or of the board
subject_groups   the groups that the marks of a subject belong to
watch_scopes     the scope in which a watch measures a mark
filtered_marks   the marks that pass a filter by their tags
strongest_marks  the strongest live marks of a kind
window_events    the deposits in the windows of conditions
"""
