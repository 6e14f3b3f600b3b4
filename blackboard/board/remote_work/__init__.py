"""The work of remote agents: their claims, leases and ends of runs.

remote_claims        claims of the next activation, for programs that may wait for one
remote_runs          longer leases, results and failures that these programs report, and the recovery of expired leases
remote_result_items  the items of a result, as the actions of its agent
"""
