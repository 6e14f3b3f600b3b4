"""Queries of people and programs, which only read.

readonly_query          one query, in a process that can only read and is stopped after a time
readonly_query_process  the script of that process
readonly_access         access to a board for people and programs with their own SQL: the protocol
"""
