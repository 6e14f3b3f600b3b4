"""Deployments: one is made active, or previewed.

deployer            deploys for programs and workers
deployment_preview  deploys in a transaction that is rolled back

What a deployment changes of kinds, agents and marks is in `registration`.
"""
