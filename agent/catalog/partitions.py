"""AWS partitions and the host names that SDKs build in them.

Source: `partitions.json` of botocore 1.44.8 (2026-11), from which every AWS SDK takes the names of its endpoints.
"""

import re
from collections.abc import Mapping
from typing import Final

from probes.frozen import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """A set of Regions with its own domain names, accounts and certificates."""

    id: str
    region_pattern: re.Pattern[str]
    dns_suffix: str
    dual_stack_dns_suffix: str


PARTITIONS: Final = tuple(
    Partition(
        id=name,
        region_pattern=re.compile(pattern),
        dns_suffix=suffix,
        dual_stack_dns_suffix=dual_stack,
    )
    for name, pattern, suffix, dual_stack in (
        ("aws", r"(us|eu|ap|sa|ca|me|af|il|mx)-\w+-\d+", "amazonaws.com", "api.aws"),
        ("aws-cn", r"cn-\w+-\d+", "amazonaws.com.cn", "api.amazonwebservices.com.cn"),
        ("aws-us-gov", r"us-gov-\w+-\d+", "amazonaws.com", "api.aws"),
        ("aws-eusc", r"eusc-(de)-\w+-\d+", "amazonaws.eu", "api.amazonwebservices.eu"),
        ("aws-iso", r"us-iso-\w+-\d+", "c2s.ic.gov", "api.aws.ic.gov"),
        ("aws-iso-b", r"us-isob-\w+-\d+", "sc2s.sgov.gov", "api.aws.scloud"),
        ("aws-iso-e", r"eu-isoe-\w+-\d+", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"),
        ("aws-iso-f", r"us-isof-\w+-\d+", "csp.hci.ic.gov", "api.aws.hci.ic.gov"),
    )
)

SUFFIXES: Final = tuple(
    dict.fromkeys(
        suffix for partition in PARTITIONS for suffix in (partition.dns_suffix, partition.dual_stack_dns_suffix)
    )
)
"""Domains that can contain an endpoint's name, in any partition."""

REGION: Final = re.compile(r"(?=.{1,63}\Z)[a-z]{2,5}(-[a-z]+){1,2}-[0-9]{1,2}")
"""The form of a Region's name, which must fit a DNS label (RFC 1035, section 2.3.4)."""


def is_region(text: str) -> bool:
    """Whether `text` has the form of a Region's name. The Region need not exist."""
    return REGION.fullmatch(text) is not None


REGION_VARIABLES: Final = ("AWS_REGION", "AWS_DEFAULT_REGION")
"""Variables that set a Region for the SDKs and the CLI. The first one that is set counts. boto3 only reads the second
one."""


def region_in(environment: Mapping[str, str]) -> tuple[str | None, str | None]:
    """The Region in a variable of the SDKs, and the name of that variable. Values that cannot be a Region are
    skipped."""
    for variable in REGION_VARIABLES:
        value = environment.get(variable, "")
        if is_region(value):
            return value, variable
    return None, None


def partition_of(region: str) -> Partition:
    """The partition of a Region. Like botocore, this returns `aws` if the Region matches no known pattern."""
    return next((partition for partition in PARTITIONS if partition.region_pattern.fullmatch(region)), PARTITIONS[0])
