"""Agents: their declarations, what they read, and what they return.

agent_definition  a function from marks to marks, and its declaration
agent_options     the settings in a declaration, for editors and type checkers
agent_reads       the marks that an agent reads besides those that woke it
agent_context     what an agent receives together with its marks
mark_actions      the actions that an agent may return besides marks
remote_results    the results of remote agents, as JSON
code_digest       a digest that differs between two versions of an agent's code
"""
