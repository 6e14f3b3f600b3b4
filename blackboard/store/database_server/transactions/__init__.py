"""Transactions on a server, whose statements cross the wire together.

server_transaction     a transaction whose statements wait for the next question, or for COMMIT
pipelined_transaction  the common part of transactions: questions, asked ahead or when they are needed
statement_pipeline     the statements that wait on a connection, and their answers
row_sets               rows that a transaction inserts together, table by table
kept_answers           the answers to questions that a transaction asked ahead
remembered_answers     the answers that a process remembers
"""
