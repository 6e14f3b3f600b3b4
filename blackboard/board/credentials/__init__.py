"""Credentials that a board stores.

access_tokens  tokens of programs that use the board over HTTP
board_secrets  random texts for the programs that serve the board
"""
