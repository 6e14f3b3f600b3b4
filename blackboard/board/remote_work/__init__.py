"""The work of remote agents: claims, leases and ends of runs.

awaited_claims  claims of the next activation, for programs that may wait for one
run_reports     what these programs report about their runs, and the recovery of those whose leases have expired
remote_claims   claims an activation, in the transaction of the caller
remote_runs     ends the run of an activation, in the transaction of the caller
result_items    the items of a result, as the actions of its agent
remote_results  the results of remote agents, as JSON
"""
