"""The benchmark of coordination: model calls and tokens of the lead desk and of other designs for the same work.

It runs offline. Every system calls a local server with a scripted model that never errs. The figures are therefore
lower bounds for every system, and they do not measure the quality of verdicts.

    python -m benchmarks.coordination [--leads 1,10,50] [--rivals] [--json FILE] [--plot FILE] [--live]

leads        the enquiries, which are the same for every system, and the expected result of each
outcome      the results of a system, checked against the expected results
desk         the desk itself: board, daemon, real prompts, real SDK
controls     the same prompts in a hand-written pipeline, and the lower bound
single       a single agent with a tool
crowd        a single agent with ten leads in a task
chat         conversations, independent of their protocol
team         the scripted model for teams of agents
completions  a server of the chat-completions protocol, for frameworks without another protocol
frameworks   other frameworks, each in its own environment; their scripts are in rivals/
rows         the measured systems
forms        closed formulas for the number of calls
report       the table and the plot
live         the measurement with a real model
"""
