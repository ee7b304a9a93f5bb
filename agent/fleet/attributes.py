"""The attributes that hosts of a fleet may share. They are in a module of their own, so that the command-line options
need not load the rest of the fleet."""

from enum import StrEnum


class Attribute(StrEnum):
    """An attribute that hosts may share. The order begins with the attributes that are nearest to a fix."""

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
