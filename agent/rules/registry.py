"""All rules, in the order of thought: this host, names, connections, TLS, the run itself."""

from typing import Final

from agent.rules import connect, environment, handshake, names, run

RULES: Final = (*environment.RULES, *names.RULES, *connect.RULES, *handshake.RULES, *run.RULES)
