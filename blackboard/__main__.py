"""`python -m blackboard`: the same as the installed command."""

from blackboard.cli import main

main()
