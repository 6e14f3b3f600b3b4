"""What it costs to coordinate the lead desk, in model calls and tokens, beside the other ways of doing the same work.

It runs offline: every system asks a local server with a scripted model that never errs, so the figures are lower
bounds for everyone, and they say nothing about the quality of verdicts.

    python -m benchmarks.coordination [--leads 1,10,50] [--rivals] [--json FILE] [--plot FILE] [--live]

leads        the same enquiries for every system, and what must become of each
outcome      what a system made of them, held to that
desk         the desk itself: board, daemon, real prompts, real SDK
controls     the same prompts wired by hand, and the floor
single       one agent with a tool
crowd        the same with ten leads in a task
chat         a conversation, whichever protocol it came in
team         the scripted model for teams that talk
completions  the chat-completions protocol, for frameworks that speak no other
frameworks   the rivals, each in an environment of its own; their scripts are in rivals/
rows         which systems are measured
forms        closed forms of the calls
report       the table, and the plot
live         the same with a real model
"""
