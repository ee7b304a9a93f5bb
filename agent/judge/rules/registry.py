"""All rules, in the order of thought: this host, names and servers, connections, TLS, HTTP, calls, the
configuration behind it all, the run itself."""

from typing import Final

from agent.judge.rules import api, connect, names, resolvers, run
from agent.judge.rules import host as environment
from agent.judge.rules import http as answers
from agent.judge.rules import iam as policy
from agent.judge.rules import tls as handshake
from agent.judge.rules.vpc import inspect as vpc_inspect
from agent.judge.rules.vpc import names as vpc_names
from agent.judge.rules.vpc import paths as vpc_paths

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
