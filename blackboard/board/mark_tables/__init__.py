"""The tables of marks, and the marks that a rule needs: of a scope, of a kind, with a tag, or in a window.

mark_rows        writes the rows of marks, and the events that record their changes
mark_states      the states of stored marks: under the laws of the deployment, with their strengths and tags
watch_scopes     the scope in which a watch measures a mark: its subject, its group, or the whole board
marks_in_scopes  the stored and the live marks of a scope, and the deposits in its windows
filtered_marks   the marks that pass a filter by their tags
strongest_marks  the strongest live marks of a kind
window_deposits  the deposits in the windows of conditions
"""
