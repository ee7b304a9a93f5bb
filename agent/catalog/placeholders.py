"""Placeholders in commands and pages, and the strict form of the values that may replace them."""

import re
from typing import Final

from probes.ids import command_form, command_word_form

PLACEHOLDER: Final = re.compile(r"<[A-Z][A-Z0-9_]*>")
"""The form of a placeholder. A placeholder has the same meaning in pages and in commands: a report fills it with the
same value everywhere."""
FORMS: Final = {
    "<VPC_ID>": command_form("vpc"),
    "<SUBNET_ID>": command_form("subnet"),
    "<ENDPOINT_SUBNET_ID>": command_form("subnet"),
    "<INSTANCE_ID>": command_form("i"),
    "<INSTANCE_SECURITY_GROUP_ID>": command_form("sg"),
    "<VPC_ENDPOINT_ID>": command_form("vpce"),
    "<OWN_ENDPOINT_ID>": command_form("vpce"),
    "<ENDPOINT_SECURITY_GROUP_ID>": command_form("sg"),
    "<DHCP_OPTIONS_ID>": command_form("dopt"),
    "<NEW_DHCP_OPTIONS_ID>": command_form("dopt"),
    "<NETWORK_ACL_ID>": command_form("acl"),
    "<PREFIX_LIST_ID>": command_form("pl"),
    "<ROUTE_TABLE_ID>": command_form("rtb"),
    "<TRANSIT_GATEWAY_ROUTE_TABLE_ID>": command_form("tgw-rtb"),
    "<TRANSIT_GATEWAY_ATTACHMENT_ID>": command_form("tgw-attach"),
    "<HOSTED_ZONE_ID>": re.compile(r"Z[A-Z0-9]{1,31}"),
    "<RESOLVER_RULE_ID>": command_word_form("rslvr"),
    "<NEW_RESOLVER_RULE_ID>": command_word_form("rslvr"),
    "<FIREWALL_RULE_GROUP_ID>": command_word_form("rslvr-frg"),
    "<FIREWALL_DOMAIN_LIST_ID>": command_word_form("rslvr-fdl"),
    "<PROFILE_ID>": command_form("rp"),
    "<INTERFACE>": re.compile(r"[a-z0-9][a-z0-9.-]{0,14}"),
}
"""The form of each placeholder's value. A value from instance metadata, from a name or from EC2 is only inserted if it
has this form."""
HOST: Final = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
"""A DNS name that may be in a command. A name with a single label is excluded, because a search domain would complete
it."""
SERVICE_NAME: Final = re.compile(r"[a-z]+(\.[a-z0-9-]+){2,6}")
"""The name of a service of PrivateLink."""
