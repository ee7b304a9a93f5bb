"""What the catalogue says of one service: the classes of its records."""

import re
from collections.abc import Mapping
from dataclasses import field
from typing import Final

from probes.frozen import dataclass
from probes.model import AnswerForm, Conversation, PortProtocol, SignedCall

USUAL_PREFIX: Final = "com.amazonaws"
"""First part of most PrivateLink service names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """A TCP port that a service uses through its endpoint."""

    number: int
    role: str
    required: bool
    """Whether the service cannot do its work without it."""
    blocks_new: bool = False
    """Whether a new appliance of the service needs it once, and one that works does not."""
    protocol: PortProtocol = PortProtocol.TLS


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateLink:
    """An endpoint service of PrivateLink through which a service is reached."""

    label: str
    """Last part of the endpoint service's name, and the label in DNS names of the endpoints themselves."""
    prefixes: Mapping[str, str] = field(default_factory=dict)
    """First part of the endpoint service's name, by Region or by partition, where it is not the usual one."""
    documented_in: frozenset[str] = frozenset({"aws", "aws-us-gov"})
    """Partitions for which AWS documents the name; in others it is what it would be if it followed the rule, or what a
    third party has."""
    partitions: frozenset[str] | None = None
    """The partitions that have the endpoint service; None if every partition may have it."""
    of_fips: bool = False
    """Whether its private DNS covers the FIPS hosts, and not the others."""
    service_regions: Mapping[str, str] | None = None
    """The one Region, by partition, that has the endpoint service of a global service, whose name has no Region. None
    for a service of each Region."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPermission:
    """What IAM must allow for a signed call."""

    action: str
    resource: str = "*"
    """ARN with `{partition}`, `{region}` and `{account}` in place of these; `*` for an action that acts on no resource
    of its own."""
    is_needed: bool = True
    """Whether the call is refused where no policy allows it."""


JOBS_PERMISSIONS: Final = tuple(
    CallPermission(action=f"backup:{operation}") for operation in ("ListBackupJobs", "ListRestoreJobs", "ListCopyJobs")
)
"""What listing the jobs of AWS Backup takes (Service Authorization Reference, AWS Backup)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GlobalHost:
    """A host without a Region in its name, which SDKs call for some Regions with the setting `legacy` (AWS SDKs and
    Tools Reference Guide, AWS STS Regional endpoints and Amazon S3 Regional endpoint; botocore 1.44.8)."""

    host: str
    signing_region: str
    regions: frozenset[str]
    """The Regions for which it is called."""
    setting: str
    """The setting of a profile that takes the values `legacy` and `regional`."""
    is_usual: bool
    """Whether `legacy` is what holds where nothing is set."""
    may_be_covered: bool
    """Whether private DNS of an endpoint in such a Region may answer for it, too: AWS does not say."""

    @property
    def variable(self) -> str:
        """The environment variable that sets the same."""
        return f"AWS_{self.setting.upper()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A service that can be reached through an endpoint."""

    name: str
    """What options and reports call it."""
    client: str | None = None
    """boto3's name of its client, where that is not `name`; empty where boto3 has none."""
    sdk_id: str
    """The `serviceId` of its model, which names its endpoint variable (AWS SDKs and Tools Reference Guide,
    Service-specific endpoints); empty where no SDK has one."""
    signing_name: str
    """The name that requests are signed for."""
    host_label: str
    """First label of the hosts that an SDK builds."""
    private_links: tuple[PrivateLink, ...]
    """The first is the one whose name a report gives; none where AWS lists no endpoint service."""
    ports: tuple[Port, ...]
    call: SignedCall | None
    """The read-only call that proves access; None where the service has none without side effects."""
    permission: CallPermission | None
    """What `call` takes; None where there is none."""
    call_is_own: bool = False
    """Whether programs that use the service make `call` themselves, so that a role without it lacks what it needs."""
    bucket_permission: CallPermission | None = None
    """What HeadBucket takes, which is the signed call where a workload is set to use a bucket, with `{bucket}` in its
    resource; None for a service without buckets."""
    calls_per_second: float | None = None
    """The published limit of `call` for one account and Region; None where none is published."""
    lists_jobs: bool = False
    """Whether it lists the jobs of AWS Backup (ListBackupJobs), for which JOBS_PERMISSIONS are needed."""
    job_kinds: tuple[str, ...] = ()
    """Kinds of resources (ResourceType) whose backup jobs need this service from the host itself, so that a fault of
    the path there can make them fail. Jobs of other kinds are AWS Backup's own work."""
    has_job_data: bool = False
    """Whether the data of those jobs goes through it. A host that uses it has such resources, and their jobs name them
    and not the instance."""
    gives_credentials: bool = False
    """Whether the SDK's chain of credentials asks it for those of a role."""
    appliance_labels: tuple[str, ...] = ()
    """First labels of the public hosts that an appliance of the service uses; empty where it has no appliance."""
    unsigned_path: str = "/"
    """What the unsigned request asks for: not what the service answers with the address of a page for people."""
    answers: AnswerForm = AnswerForm.JSON
    websocket_path: str | None = None
    """Where a run asks, unsigned, to open a WebSocket; None for a service that is not used by WebSocket."""
    global_host: GlobalHost | None = None
    """The host of all Regions; None where there is none."""
    has_gateway_endpoint: bool = False
    """Whether it can also be reached through a gateway endpoint, by a route to its public addresses: then addresses
    alone do not tell whether the path is private."""
    absent_in: frozenset[str] = frozenset()
    """Partitions of which AWS documents that they do not have it."""
    documented_fips_regions: frozenset[str] = frozenset()
    """Regions in which its FIPS host is documented; an SDK builds the name everywhere."""

    @property
    def client_name(self) -> str | None:
        """boto3's name of its client; None where it has none."""
        return (self.name if self.client is None else self.client) or None

    @property
    def endpoint_variable(self) -> str | None:
        """The environment variable that gives the SDK another endpoint for this service; None where no SDK has one."""
        return f"AWS_ENDPOINT_URL_{self.sdk_id.upper().replace(' ', '_')}" if self.sdk_id else None

    @property
    def settings_key(self) -> str | None:
        """What a profile's `services` section calls it (AWS SDKs and Tools Reference Guide, Service-specific
        endpoints); None where no SDK has it."""
        return self.sdk_id.lower().replace(" ", "_") or None

    @property
    def cli_words(self) -> tuple[str, str] | None:
        """Service and operation of `call`, as the AWS CLI takes them; None where there is no call."""
        if self.call is None or self.client_name is None:
            return None
        return self.client_name, re.sub("(?<!^)(?=[A-Z])", "-", self.call.name).lower()

    @property
    def has_appliance(self) -> bool:
        """Whether an appliance of the customer's uses the service, on ports of its own and by public names."""
        return bool(self.appliance_labels)

    def links(self, *, fips: bool) -> tuple[PrivateLink, ...]:
        """The endpoint services whose private DNS may cover the ordinary hosts or, with `fips`, the FIPS hosts; the one
        that is made for them comes first."""
        fitting = [link for link in self.private_links if fips or not link.of_fips]
        return tuple(sorted(fitting, key=lambda link: fips and not link.of_fips))

    def conversation(self, call: SignedCall | None, signing_region: str | None) -> Conversation:
        """How a run talks to it with this signed call; `signing_region` where that is another than the target's
        Region."""
        return Conversation(
            signing_name=self.signing_name,
            signing_region=signing_region,
            call=call,
            unsigned_path=self.unsigned_path,
            answers=self.answers,
            websocket_path=self.websocket_path,
        )
