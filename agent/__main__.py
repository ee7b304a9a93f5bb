"""`python -m agent` is `backuplink`."""

from agent.start import main

main()
