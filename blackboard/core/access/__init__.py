"""Who signs, and who may do what.

authors       the names of authors and agents, and the reserved names
token_scopes  what a token allows
"""
