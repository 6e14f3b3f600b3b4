"""The commits of a process: its threads share them.

group_commit        lets several threads share a commit
batch_commits       commits the work of several threads in one transaction
writing_connection  the writing connection of a process, and the transaction that is open on it
"""
