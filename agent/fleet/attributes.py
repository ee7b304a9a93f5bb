"""What hosts of a fleet may share. Apart from the document, so that options load nothing else of a fleet."""

from enum import StrEnum


class Attribute(StrEnum):
    """What hosts may share, from the nearest to a fix to the farthest."""

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
    """What a further column of the inventory says, such as `application=sap`."""
