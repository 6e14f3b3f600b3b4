"""One query of a person, which only reads.

readonly_query          runs the query in a process that can only read, and is stopped after a time
readonly_query_process  the script of that process
"""
