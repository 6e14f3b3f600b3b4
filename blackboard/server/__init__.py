"""The server: the board over HTTP. It is a layer above the board and executes no statement.

Its libraries come with the extra `server` and are imported only when it serves.

http_app             the application: its routes, and the layers around each request
api_routes           the routes of all operations, which run the operation that a request names
operations           the operations, by subject, and the table that lists them all
api_framework        what all operations share: how one is defined, how requests are parsed, how results are encoded
openapi              the description of the operations, for programs
api_docs_page        the same for people
pages                the board in a browser
sbp                  the board for programs that speak the Stigmergic Blackboard Protocol
mcp_endpoint         the tools for models over streamable HTTP
open_requests        requests that stay open until something happens: claims without work, and streams of events
lease_recovery       recovers the activations of remote agents whose leases have expired
monitoring           metrics for Prometheus, and health checks
transport            sockets, HTTP on their connections, and the guards around each request
access               who sends a request, what the sender may do, web sessions, and texts that some may not read
http_limits          the size of a request, and the time for each step of a slow client
http_problems        errors as RFC 9457 problems
plain_page           the frame of the pages that run no script
request_batcher      work of many requests that one thread does together
starlette_internals  the parts of starlette that are not documented
work_threads         the threads that requests use the board in
"""
