"""All rules, in the order of thought: this host, names and servers, connections, TLS, HTTP, calls, the
configuration behind it all, the run itself."""

from typing import Final

from agent.rules import (
    answers,
    api,
    connect,
    environment,
    handshake,
    names,
    policy,
    resolvers,
    run,
    vpc_inspect,
    vpc_names,
    vpc_paths,
)

RULES: Final = (
    *environment.RULES,
    *names.RULES,
    *resolvers.RULES,
    *connect.RULES,
    *handshake.RULES,
    *answers.RULES,
    *api.RULES,
    *policy.RULES,
    *vpc_names.RULES,
    *vpc_paths.RULES,
    *vpc_inspect.RULES,
    *run.RULES,
)
