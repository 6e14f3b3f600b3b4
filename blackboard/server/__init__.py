"""The server: the board over HTTP. It is a layer above the board and uses only its public interface.

Its libraries come with the extra `server` and are imported only when it serves.

http_server            serves an application on sockets, in a thread
http_protocol          HTTP on a connection, with a bound on headers
addresses              the addresses on which it listens, and those that it refuses
http_app               the application: its routes, and the layers around each request
request_guards         checks of hosts and origins, and the time limits of a request
work_threads           the threads in which requests use the board
shared_work            work of many requests that one thread does together
health_checks          whether the process lives, and whether the board can be used
metric_families        numbers under a name with labels
board_metrics          figures of the board for Prometheus
request_metrics        figures of the answered requests
metrics_route          the route /metrics
token_checks           the sender of a request, and the rate of its requests
problems               errors as RFC 9457 problems
redaction              withholds texts from tokens that may not read them
request_origin         the origin of this server, and whether a request comes from its own pages
session_cookie         the cookie of a web session
sign_in_tickets        the tickets with which browsers sign in
web_sessions           web sessions: a browser signs in, and signs out
operations             what an operation is: its path, its parameters, its scope and its answer
operation_table        the table of all operations
deposit_operations     the operations that deposit marks
mark_operations        live marks, subjects and kinds
search_operation       the search of marks by their text
claim_operations       claims of remote workers, and the ends of their runs
lease_recovery         the recovery of activations whose remote workers died
claim_queue            the claims that wait for work, without a thread
outbox_operations      messages to people outside
agent_operations       the agenda and agents
activation_operations  activations and their costs
board_operations       needs, the state of the board, its deployments, SQL and erasure
request_reading        reads the parameters and the body of a request
request_calls          the calls that requests make, and checks of their senders
encoded_answers        answers as they are sent: pages, entity tags and redaction
event_operation        the choices of a client of the event stream
stream_writer          the text of one event stream
commit_bell            news of commits for a task of the event loop
event_hub              event streams: one reader of the board for all of them
bulk_deposits          deposits in bulk, a line of JSON for each
position_operations    the positions of files that are followed elsewhere
api                    answers the requests of all operations
openapi                describes the operations as OpenAPI 3.1
docs_page              the same for people
pages                  the board in a browser
"""
