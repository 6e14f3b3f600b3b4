"""The transport: sockets, HTTP on their connections, and the guards around each request.

http_server        serves an application on sockets, in a thread
uvicorn_internals  the parts of uvicorn that are not documented: headers with a limit, and silent connections
request_guards     checks of hosts, origins and the size of headers
addresses          the addresses that the server listens on, and those that it refuses
"""
