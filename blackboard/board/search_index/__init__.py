"""The index for the search by text, and searches in it.

search_documents  the documents of the index, one for each mark
search_changes    the work that follows when a kind is searched by other fields, and its progress
text_search       the marks that match a text
search_ranking    the order of the marks that a search found
"""
