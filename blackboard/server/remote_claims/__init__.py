"""Claims of remote workers: those that wait for work, and those whose workers died.

claim_queue     the claims that wait for work, without a thread
lease_recovery  the recovery of activations whose remote workers died
"""
