"""The texts of statements.

statement_file   reads a file of statements
sql_composition  composes a statement from fragments, optional parts and parameters
"""
