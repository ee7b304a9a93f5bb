r"""How a masked report treats each field. Every field declares this itself, so that a new field cannot be forgotten.

Every field with text has an annotation: a Mask if its value identifies a network, an account or a person, otherwise an
Open. Ids of AWS, account numbers, ARNs, addresses and known host names are masked in every text, whatever its
annotation. `agent.report.redact` reads these annotations, and only when a report is masked. Patterns are texts here, so
that a run without masks compiles no pattern.
"""

from typing import Annotated, Final, NamedTuple


class Mask(NamedTuple):
    """The field identifies something, so every value is replaced. Equal values get equal masks everywhere in a
    report."""

    word: str
    """The beginning of the mask, such as `role` in `role-1`."""
    unless: str | None = None
    """A pattern for values that are not masked. A value that matches it completely has a form that AWS, a server or
    this program uses for the field. Patterns of ids also match the masks of ids, since a report may be masked twice."""


class Open(NamedTuple):
    """The field itself identifies nothing."""

    quotes: bool = False
    """Whether the text may quote the value of another field. If so, masking searches the text for this value, and masks
    it."""


ID_KINDS: Final = (
    "i|ami|mi|vpc|subnet|sg|sgr|eni|acl|rtb|nat|igw|eigw|lgw|cagw|vgw|tgw|tgw-attach|tgw-rtb|pcx|vpce|vpce-svc|pl|dopt"
    "|rslvr-[a-z]+|rp|fsx"
)
"""The prefixes of AWS ids."""
HOSTED_ZONE: Final = r"\bZ(?=[A-Z]*[0-9])[0-9A-Z]{7,31}\b"
"""The id of a hosted zone (Route 53 API Reference, HostedZone)."""
_ID: Final = rf"(?:{ID_KINDS})-(?:[0-9a-f]{{8,17}}|[0-9]{{1,7}})"

Plain = Annotated[str, Open()]
"""Text that identifies nothing. It is a word of this program, of a protocol or of AWS, or an id whose form alone is
enough for it to be masked."""
Sentence = Annotated[str, Open(quotes=True)]
"""Text of this program. It may quote a peer, a name or a resource."""

HostName = Annotated[str, Mask("node")]
"""The host's own name."""
RegionSetting = Annotated[str, Mask("text", unless=r"[a-z]{2,5}(?:-[a-z]+){1,2}-[0-9]{1,2}[a-z]?")]
"""The value of a setting for the Region: the name of a Region or of a zone or, by mistake, anything else."""
StsHost = Annotated[str, Mask("host", unless=r"sts[a-z0-9.-]{0,80}\.(?:amazonaws\.(?:com|com\.cn|eu)|api\.aws)")]
"""The host of STS: a host of AWS, or the value of a setting."""
ResourceId = Annotated[str, Mask("text", unless=_ID)]
FleetHost = Annotated[str, Mask("host", unless=_ID)]
"""The name of a host in a fleet. It is the id of the host's instance or managed node, or else the host's own name."""
SharedName = Annotated[
    str,
    Mask(
        "text",
        unless=rf"{_ID}|[0-9]{{12}}|account-[0-9]+|amazon|loopback|[0-9a-f]{{0,4}}(?:[.:][0-9a-f]{{0,4}}){{2,7}}"
        r"|[a-z0-9-]{1,20}\.[a-z0-9-]{1,20}|[0-9]+(?:\.[0-9a-z]+){1,4}|[a-z]{2,5}[0-9](?:-[a-z]{2,4}[0-9]?){0,2}-(?:az|wlz)[0-9]{1,2}"
        r"|[a-z]{2,5}(?:-[a-z]+){1,2}-[0-9]{1,2}",
    ),
]
"""A value that hosts of a fleet share: an id, an account, a name server's address, an instance type, a version of
backuplink, a zone by its id, or a Region."""
HostOwner = Annotated[str, Mask("owner")]
"""The owner of a host in an inventory."""
FilePlace = Annotated[str, Mask("file")]
"""The path of a file."""
ResolverId = Annotated[str, Mask("text", unless=rf"{_ID}|rslvr-autodefined-rr-internet-resolver")]
ZoneId = Annotated[str, Mask("text", unless=rf"{HOSTED_ZONE}|zone-[0-9]+")]
ProfileResourceId = Annotated[str, Mask("text", unless=rf"{_ID}|{HOSTED_ZONE}|zone-[0-9]+")]
ProfileResourceKind = Annotated[str, Mask("text", unless=r"hostedzone|resolver-rule|firewall-rule-group|vpc-endpoint")]
Owner = Annotated[
    str, Mask("text", unless=r"[0-9]{12}|account-[0-9]+|Route 53 Resolver|[a-z0-9-]{1,63}\.amazonaws\.com")
]
"""An account, or a service of AWS."""
Protocol = Annotated[str, Mask("text", unless=r"-1|[0-9]{1,3}|tcp|udp|icmp|icmpv6")]
AddressType = Annotated[str, Mask("text", unless=r"ipv4|ipv6|dualstack|service-defined")]
AvailabilityZone = Annotated[
    str, Mask("text", unless=r"[a-z]{2}(?:-[a-z]+){1,2}-[0-9](?:-[a-z0-9]{2,4}){0,3}(?:-[0-9])?[a-z]?")
]
AvailabilityZoneId = Annotated[
    str, Mask("text", unless=r"[a-z]{2,5}[0-9](?:-[a-z]{2,4}[0-9]?){0,2}-(?:az|wlz)[0-9]{1,2}")
]
RequestId = Annotated[str, Mask("text", unless=r"[0-9A-Fa-f-]{8,64}")]
MediaType = Annotated[
    str,
    Mask(
        "text",
        unless=r"(?a:[A-Za-z0-9][\w!#$&^.+-]{0,63}/[A-Za-z0-9][\w!#$&^.+-]{0,63}(?:; ?charset=[A-Za-z0-9-]{1,32})?)",
    ),
]
"""A media type (RFC 6838, section 4.2)."""
CallErrorCode = Annotated[str, Mask("text", unless=r"[A-Za-z][A-Za-z0-9.]{0,63}|[0-9]{1,10}")]
"""A code of AWS, or an HTTP status."""
JobKind = Annotated[
    str,
    Mask(
        "text",
        unless=r"Aurora(?: DSQL)?|CloudFormation|DSQL|DocumentDB|DynamoDB|EBS|EC2|EFS|EKS|FSx|Neptune|RDS"
        r"|Redshift(?: Serverless)?|S3|SAP HANA on Amazon EC2|Storage Gateway|Timestream|VirtualMachine",
    ),
]
"""The kind of resource of a job of AWS Backup."""
JobCategory = Annotated[str, Mask("text", unless=r"[A-Za-z_]{1,40}")]
EndpointErrorCode = Annotated[str, Mask("text", unless=r"[A-Za-z][A-Za-z0-9.]{0,63}")]
FailureCode = Annotated[
    str,
    Mask("text", unless=r"[A-Z][A-Z0-9_]{0,63}|ca_bundle|endpoint_url|[A-Za-z][A-Za-z0-9.]{0,63}|-?[0-9]{1,10}"),
]
"""The code of a failure: an errno name, a reason of OpenSSL, an rcode, the name of a setting, a code of AWS, or a
number."""
ServiceName = Annotated[
    str,
    Mask(
        "text",
        unless=r"(?:(?:cn\.)?com\.amazonaws(?:\.vpce)?|gov\.ic\.c2s|gov\.sgov\.sc2s|gov\.ic\.hci\.csp|uk\.adc-e\.cloud)"
        r"\.[a-z]{2,5}(?:-[a-z]+){1,2}-[0-9]{1,2}(?:\.[a-z0-9-]{1,63}){1,3}|com\.amazonaws\.[a-z0-9]{1,16}",
    ),
]
ServiceLabel = Annotated[str, Mask("text", unless=r"(?!text-)[a-z0-9]{1,20}(?:-[a-z0-9]{1,20}){0,2}")]
"""The last part of a service name. The pattern does not match a mask, such as `text-1`."""
# Words of the APIs of EC2, Route 53 and Route 53 Resolver.
EndpointState = Annotated[
    str, Mask("text", unless=r"pending|pendingacceptance|available|partial|rejected|failed|expired|deleting|deleted")
]
InterfaceKind = Annotated[str, Mask("text", unless=r"[a-z]+(?:[A-Z_][a-z_]*){0,6}")]
ManagingTool = Annotated[str, Mask("text", unless=r"CloudFormation|OpenTofu|Pulumi|Terraform")]
InterfaceStatus = Annotated[str, Mask("text", unless=r"available|associated|attaching|detaching|in-use|pending")]
RouteState = Annotated[str, Mask("text", unless=r"active|blackhole|filtered")]
PeeringState = Annotated[
    str,
    Mask(
        "text",
        unless=r"initiating-request|pending-acceptance|active|deleted|rejected|failed|expired|provisioning|deleting",
    ),
]
AttachmentKind = Annotated[str, Mask("text", unless=r"[a-z]{1,16}(?:-[a-z]{1,16}){0,3}")]
"""`vpc`, `peering`, `network-function`, ..."""
AttachmentState = Annotated[
    str,
    Mask(
        "text",
        unless=r"initiating(?:request)?|pending(?:acceptance)?|rollingback|available|modifying|deleting|deleted|failed"
        r"|failing|rejected|rejecting",
    ),
]
"""The state of an attachment, in lower case."""
RouteTarget = Annotated[str, Mask("text", unless=rf"local|unknown|{_ID}")]
RuleKind = Annotated[str, Mask("text", unless=r"FORWARD|SYSTEM|RECURSIVE|DELEGATE")]
FirewallAction = Annotated[str, Mask("text", unless=r"ALLOW|BLOCK|ALERT")]
BlockResponse = Annotated[str, Mask("text", unless=r"NODATA|NXDOMAIN|OVERRIDE")]
RecordType = Annotated[str, Mask("text", unless=r"[A-Z]{1,10}|TYPE[0-9]{1,5}|NSEC3(?:PARAM)?")]
