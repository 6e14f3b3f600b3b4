"""Mark classes: what this process knows of the payload of each kind.

mark_class_registry  the mark classes that this process knows
payload_checks       checks a payload if this process has no class for its kind
"""
