"""The items that an agent returned: marks, reinforcements, withdrawals and decisions.

item_checks    checks the items, before the transaction that applies them
agent_actions  applies the items, all or none
"""
