"""The results of a board in the forms that its readers get: JSON, lines of text, and data for models and pages.

json_shapes        the shapes of results in JSON, for the command line and the server
page_cursors       cursors, which name the next page of an answer
explanation_lines  the lines of `blackboard explain`
untrusted_data     what models read of a board, labelled as data of its authors and bounded in size
"""
