"""The rows of `load`: they are read from a file, matched to marks, and deposited.

Reading:

input_text     the text of an input, in its encoding
row_reader     rows from CSV, JSON and JSON Lines
csv_format     the delimiter, the quotes and the header of a CSV
json_stream    JSON values in a stream of lines
json_paths     values inside a row of JSON
line_stream    lines as they arrive
followed_file  a file that grows, and may be replaced or truncated

Depositing:

row_options     the options of the user for the rows
column_sources  the columns that the parts of a mark come from
column_check    checks that each column has a field, and each required field a column
row_mapping     the mapping from columns to the parts of a mark
cell_values     the conversion of cells to the types of fields
row_deposits    deposits rows, and counts them
row_follower    follows a file that grows, or a pipe
followed_rows   deposits the rows that a followed file or pipe got
rejects_file    the refused rows, in a file
"""
