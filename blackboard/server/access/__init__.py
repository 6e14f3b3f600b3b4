"""Access to the server: tokens, web sessions, and texts that some tokens may not read.

token_checks     the sender of a request, and the rate of its requests
redaction        withholds texts from tokens that may not read them
request_origin   the origin of this server, and whether a request comes from its own pages
session_cookie   the cookie of a web session
sign_in_tickets  the tickets that browsers sign in with
web_sessions     web sessions: a browser signs in, and signs out
"""
