"""The attributes that hosts of a fleet may share. They are apart from the document, so that options load nothing else
of a fleet."""

from enum import StrEnum


class Attribute(StrEnum):
    """An attribute that hosts may share, in the order from the nearest to a fix to the farthest."""

    GROUP = "group"
    ENDPOINT = "endpoint"
    SUBNET = "subnet"
    RESOLVER = "resolver"
    IMAGE = "image"
    INSTANCE_TYPE = "instance-type"
    TOOL = "tool"
    """The version of backuplink."""
    ZONE = "zone"
    VPC = "vpc"
    ACCOUNT = "account"
    REGION = "region"
    LABEL = "label"
    """A further column of the inventory, such as `application=sap`."""
