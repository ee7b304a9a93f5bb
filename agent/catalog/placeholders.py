"""Placeholders in commands and pages, and the strict form of what may stand in their place."""

import re
from typing import Final

FORMS: Final = {
    "<VPC_ID>": re.compile(r"vpc-[0-9a-f]{8,17}"),
    "<SUBNET_ID>": re.compile(r"subnet-[0-9a-f]{8,17}"),
    "<ENDPOINT_SUBNET_ID>": re.compile(r"subnet-[0-9a-f]{8,17}"),
    "<INSTANCE_ID>": re.compile(r"i-[0-9a-f]{8,17}"),
    "<INSTANCE_SECURITY_GROUP_ID>": re.compile(r"sg-[0-9a-f]{8,17}"),
    "<VPC_ENDPOINT_ID>": re.compile(r"vpce-[0-9a-f]{8,17}"),
    "<ENDPOINT_SECURITY_GROUP_ID>": re.compile(r"sg-[0-9a-f]{8,17}"),
    "<DHCP_OPTIONS_ID>": re.compile(r"dopt-[0-9a-f]{8,17}"),
    "<NETWORK_ACL_ID>": re.compile(r"acl-[0-9a-f]{8,17}"),
    "<ROUTE_TABLE_ID>": re.compile(r"rtb-[0-9a-f]{8,17}"),
    "<HOSTED_ZONE_ID>": re.compile(r"Z[A-Z0-9]{1,31}"),
    "<RESOLVER_RULE_ID>": re.compile(r"rslvr-[0-9a-z-]{1,58}"),
    "<FIREWALL_RULE_GROUP_ID>": re.compile(r"rslvr-frg-[0-9a-z-]{1,54}"),
    "<FIREWALL_DOMAIN_LIST_ID>": re.compile(r"rslvr-fdl-[0-9a-z-]{1,54}"),
    "<INTERFACE>": re.compile(r"[a-z0-9][a-z0-9.-]{0,14}"),
}
"""By placeholder: a value from instance metadata, a name or EC2 replaces it only if it has the form of its kind."""
HOST: Final = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+")
"""A DNS name that can stand in a command."""
SERVICE_NAME: Final = re.compile(r"[a-z]+(\.[a-z0-9-]+){3,6}")
"""The name of a service of PrivateLink."""
