"""Deployments: one is made active, or previewed.

deployer            deploys for programs and workers
deployment_preview  deploys in a transaction that is rolled back
unreadable_marks    marks that no longer fit the class of their kind
"""
