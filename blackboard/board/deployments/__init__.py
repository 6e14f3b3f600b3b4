"""Deployments as programs, workers and people make them.

deployer            makes a deployment active for programs and workers, and runs its backfill
deployment_preview  what a deployment would change: it is carried out and rolled back
unreadable_marks    the live marks that would not fit their class or schema
"""
