"""`python -m blackboard`: the same as the installed command."""

import os
import sys

# `-m` puts the current folder first in the path, before the standard library, and its modules are not trusted.
if not sys.flags.safe_path and os.path.isdir(sys.path[0]) and os.path.samefile(sys.path[0], "."):
    del sys.path[0]

from blackboard.cli import main

main()
