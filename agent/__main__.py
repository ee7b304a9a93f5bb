"""`python -m agent` is `backuplink`."""

from agent.cli.entry import main

main()
