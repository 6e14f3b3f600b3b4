"""The index for the search by text.

search_documents  the documents of the index, one for each mark
search_changes    the work that follows when a kind is searched by other fields
search_progress   how far this work has come
"""
