"""All rules, in the order in which a person would check: this host, names and servers, connections, TLS, HTTP, calls,
the configuration, jobs of AWS Backup, the run itself."""

from typing import Final

from agent.judge.rules import api, connect, host, http, iam, jobs, local, names, resolvers, run, tls, workload
from agent.judge.rules.rule import Rule
from agent.judge.rules.vpc import (
    acls,
    availability_zones,
    dhcp,
    dns_firewall,
    endpoint_state,
    gateway_endpoints,
    groups,
    policies,
    prediction,
    private_dns,
    profiles,
    reads,
    resolver_rules,
    routes,
    zones,
)


def _by_code(*parts: tuple[Rule, ...]) -> tuple[Rule, ...]:
    """The rules of several modules about the same topic, in the order of their codes."""
    return tuple(sorted((rule for rules in parts for rule in rules), key=lambda rule: rule.code))


RULES: Final = (
    *_by_code(host.RULES, workload.HOST_RULES),
    *names.RULES,
    *resolvers.RULES,
    *_by_code(connect.RULES, local.RULES, workload.CONNECTION_RULES),
    *tls.RULES,
    *http.RULES,
    *api.RULES,
    *iam.RULES,
    *_by_code(private_dns.RULES, zones.RULES, dhcp.RULES, resolver_rules.RULES, dns_firewall.RULES),
    *_by_code(endpoint_state.RULES, groups.RULES, acls.RULES, routes.RULES),
    *_by_code(policies.RULES, availability_zones.RULES, reads.RULES, prediction.RULES),
    *profiles.RULES,
    *gateway_endpoints.RULES,
    *jobs.RULES,
    *run.RULES,
)
