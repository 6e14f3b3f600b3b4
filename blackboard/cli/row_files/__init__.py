"""The rows of `load`: they are read from a file, matched to marks, and deposited.

Reading:

input_text     the text of an input, in its encoding
row_reader     rows from CSV, JSON and JSON Lines
csv_format     the delimiter, the quotes and the header of a CSV
json_streams   JSON values, from an array, from objects over several lines, or from JSON Lines
json_paths     paths to the values inside a JSON value
followed_file  a file that grows and may be renamed, truncated or replaced
line_stream    the lines of a file or a pipe as they arrive

Depositing:

column_matching  the columns that the parts of a mark come from, and the check of their fields
row_mapping      the mapping from columns to the parts of a mark
cell_values      the conversion of cells to the types of fields
row_deposits     deposits rows, and counts them
row_follower     follows a file or a pipe that grows
followed_rows    the rows of a followed file or pipe, and their deposits
rejects_file     the refused rows, in a file
"""
