"""All rules, in the order of thought: this host, names, connections, TLS, HTTP, signed calls, the run itself."""

from typing import Final

from agent.rules import answers, api, connect, environment, handshake, names, policy, run

RULES: Final = (
    *environment.RULES,
    *names.RULES,
    *connect.RULES,
    *handshake.RULES,
    *answers.RULES,
    *api.RULES,
    *policy.RULES,
    *run.RULES,
)
