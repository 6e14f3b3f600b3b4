"""Access to the server: who sends a request, what the sender may do, web sessions, and redaction.

request_callers     the sender of a request, by the token in its header or of a web session
token_checks        checks of tokens: whether one is valid, what it allows, and how often it is used
response_redaction  withholds texts in responses from tokens that may not read them
request_origin      the origin of this server, and whether a request comes from its own pages
session_cookie      the cookie of a web session
sign_in_tickets     the tickets that browsers sign in with
web_sessions        web sessions: a browser signs in, and signs out
"""
