"""All rules, in the order of thought: this host, names and servers, connections, TLS, HTTP, calls, the run itself."""

from typing import Final

from agent.rules import answers, api, connect, environment, handshake, names, policy, resolvers, run

RULES: Final = (
    *environment.RULES,
    *names.RULES,
    *resolvers.RULES,
    *connect.RULES,
    *handshake.RULES,
    *answers.RULES,
    *api.RULES,
    *policy.RULES,
    *run.RULES,
)
