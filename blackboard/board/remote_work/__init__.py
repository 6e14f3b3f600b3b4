"""The work of remote agents: claims, leases and ends of runs.

awaited_claims  claims of the next activation, for programs that may wait for one
run_reports     what these programs report about their runs, and the recovery of those whose leases have expired
remote_runs     claims an activation or ends its run, in the transaction of the caller
remote_results  the results of remote agents, as JSON
"""
