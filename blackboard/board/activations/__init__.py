"""Activations: claiming them, their ends, their model calls and budgets."""
