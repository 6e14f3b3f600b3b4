"""The index for the search by text, and searches in it.

search_documents  the documents of the index, one for each mark
index_rebuilds    the index of a kind that is searched by other fields: how it is filled, and its progress
text_search       the marks that match a text
search_ranking    the order of the marks that a search found
"""
