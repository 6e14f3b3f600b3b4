"""The server: the board over HTTP. It is a layer above the board and executes no statement.

Its libraries come with the extra `server` and are imported only when it serves.

http_app          the application: its routes, and the layers around each request
api               handles the requests of all operations
sbp               the board for programs that speak the Stigmergic Blackboard Protocol
pages             the board in a browser
mcp_endpoint      the tools for models over streamable HTTP
openapi           the description of the operations, for programs
docs_page         the same for people
operations        the operations, and the table that lists them all
request_handling  what every operation shares: its definition, the reading of requests, the encoding of responses
open_requests     requests that stay open until something happens: claims without work, and streams of events
lease_recovery    recovers the activations of remote agents whose leases have expired
metrics           the figures of the server and the board for Prometheus
health_checks     whether the process lives, and whether the board can be used
transport         sockets, HTTP on their connections, and the guards around each request
access            tokens, web sessions, and texts that some tokens may not read
problems          errors as RFC 9457 problems
page_style        the style of the pages that run no script
request_batcher   work of many requests that one thread does together
work_threads      the threads that requests use the board in
"""
