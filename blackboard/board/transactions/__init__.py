"""One transaction of a board, and what every transaction reads.

board_transaction  the transaction: its instant, its deployment, and the changes that it collects for its end
active_deployment  the deployment as transactions use it: its watches by kind and agent
registered_watch   a watch of this deployment, with what follows from its condition and its agent
row_cache          rows that a transaction has read together, and need not read again
stored_laws        the decay laws that marks refer to
"""
