"""Access to the server: who the caller is and what the caller may do, web sessions, and redaction.

request_callers     the caller, by the token in the header of a request or the token of a web session
token_checks        checks of tokens: whether one is valid, what it allows, and how often it is used
response_redaction  withholds texts in responses from tokens that may not read them
request_origin      the origin and the root path of this server, and whether a request comes from its own pages
session_cookie      the cookie of a web session
sign_in_tickets     the tickets that browsers sign in with
web_sessions        web sessions, and the paths /sign-in and /sign-out
"""
