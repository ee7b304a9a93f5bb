"""The classes of the catalogue's records of services."""

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
    """Whether the service cannot work without it."""
    blocks_new: bool = False
    """Whether only a new appliance of the service needs it, once."""
    protocol: PortProtocol = PortProtocol.TLS


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateLink:
    """An endpoint service of PrivateLink through which a service is reached."""

    label: str
    """Last part of the endpoint service's name, and the label in DNS names of the endpoints themselves."""
    prefixes: Mapping[str, str] = field(default_factory=dict)
    """First part of the endpoint service's name, by Region or by partition, if it is not the usual one."""
    documented_in: frozenset[str] = frozenset({"aws", "aws-us-gov"})
    """Partitions for which AWS documents the name. In others it is inferred from the rule, or comes from a third
    party."""
    partitions: frozenset[str] | None = None
    """The partitions that have the endpoint service; None if every partition may have it."""
    of_fips: bool = False
    """Whether its private DNS covers the FIPS hosts, and not the others."""
    service_regions: Mapping[str, str] | None = None
    """For a global service, whose name has no Region: the one Region that has the endpoint service, by partition. None
    for a regional service."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPermission:
    """The permission that IAM must grant for a signed call."""

    action: str
    resource: str = "*"
    """ARN with the variables `{partition}`, `{region}` and `{account}`; `*` for an action that has no resource of its
    own."""
    is_needed: bool = True
    """Whether the call is refused if no policy allows it."""


JOBS_PERMISSIONS: Final = tuple(
    CallPermission(action=f"backup:{operation}") for operation in ("ListBackupJobs", "ListRestoreJobs", "ListCopyJobs")
)
"""The permissions to list the jobs of AWS Backup (Service Authorization Reference, AWS Backup)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GlobalHost:
    """A host without a Region in its name, which SDKs call for some Regions if the setting is `legacy` (AWS SDKs and
    Tools Reference Guide, AWS STS Regional endpoints and Amazon S3 Regional endpoint; botocore 1.44.8)."""

    host: str
    signing_region: str
    regions: frozenset[str]
    """The Regions whose calls go to it."""
    setting: str
    """The profile setting whose values are `legacy` and `regional`."""
    is_usual: bool
    """Whether `legacy` is the default."""
    may_be_covered: bool
    """Whether private DNS of an endpoint in one of these Regions may also answer for this host. AWS does not document
    that."""

    @property
    def variable(self) -> str:
        """The environment variable for the same setting."""
        return f"AWS_{self.setting.upper()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A service that can be reached through an endpoint."""

    name: str
    """The name of the service in options and reports."""
    client: str | None = None
    """boto3's name of its client, if it differs from `name`; empty if boto3 has none."""
    sdk_id: str
    """The `serviceId` of its model, from which its endpoint variable is named (AWS SDKs and Tools Reference Guide,
    Service-specific endpoints); empty if no SDK has one."""
    signing_name: str
    """The service name that requests are signed with."""
    host_label: str
    """First label of the hosts that an SDK builds."""
    private_links: tuple[PrivateLink, ...]
    """Its endpoint services. Reports give the name of the first; the tuple is empty if AWS lists no endpoint
    service."""
    ports: tuple[Port, ...]
    call: SignedCall | None
    """The read-only call that proves access; None if every call of the service has side effects."""
    permission: CallPermission | None
    """The permission for `call`; None if there is no call."""
    call_is_own: bool = False
    """Whether programs that use the service make `call` themselves, so that a role without it lacks what it needs."""
    bucket_permission: CallPermission | None = None
    """The permission for HeadBucket, with `{bucket}` in its resource. HeadBucket is the signed call if a workload is
    set to use a bucket. None for a service without buckets."""
    calls_per_second: float | None = None
    """The published limit of `call` per account and Region; None if none is published."""
    lists_jobs: bool = False
    """Whether it lists the jobs of AWS Backup (ListBackupJobs), for which JOBS_PERMISSIONS are needed."""
    job_kinds: tuple[str, ...] = ()
    """Resource types (ResourceType) whose backup jobs need this service from the host itself, so that a fault of the
    path there can make them fail. Jobs of other types run in AWS Backup alone."""
    has_job_data: bool = False
    """Whether the data of those jobs goes through it. A host that uses this service has the resources, and the jobs
    name the resources and not the instance."""
    gives_credentials: bool = False
    """Whether the SDK's chain of credentials asks this service for the credentials of a role."""
    appliance_labels: tuple[str, ...] = ()
    """First labels of the public hosts that an appliance of the service uses; empty if it has no appliance."""
    unsigned_path: str = "/"
    """The path of the unsigned request. It avoids paths that the service answers with a redirect to a web page."""
    answers: AnswerForm = AnswerForm.JSON
    websocket_path: str | None = None
    """The path of the unsigned request to open a WebSocket; None for a service without WebSockets."""
    global_host: GlobalHost | None = None
    """The one host for all Regions; None if there is none."""
    has_gateway_endpoint: bool = False
    """Whether it can also be reached through a gateway endpoint, by a route to its public addresses. Then addresses
    alone do not show whether the path is private."""
    absent_in: frozenset[str] = frozenset()
    """Partitions that, by AWS's documents, do not have it."""
    documented_fips_regions: frozenset[str] = frozenset()
    """Regions in which its FIPS host is documented. An SDK builds the name for every Region."""

    @property
    def client_name(self) -> str | None:
        """boto3's name of its client; None if it has none."""
        return (self.name if self.client is None else self.client) or None

    @property
    def endpoint_variable(self) -> str | None:
        """The environment variable that gives the SDK another endpoint for this service; None if no SDK has one."""
        return f"AWS_ENDPOINT_URL_{self.sdk_id.upper().replace(' ', '_')}" if self.sdk_id else None

    @property
    def settings_key(self) -> str | None:
        """Its key in a profile's `services` section (AWS SDKs and Tools Reference Guide, Service-specific endpoints);
        None if no SDK has it."""
        return self.sdk_id.lower().replace(" ", "_") or None

    @property
    def cli_words(self) -> tuple[str, str] | None:
        """Service and operation of `call`, as the AWS CLI takes them; None if there is no call."""
        if self.call is None or self.client_name is None:
            return None
        return self.client_name, re.sub("(?<!^)(?=[A-Z])", "-", self.call.name).lower()

    @property
    def has_appliance(self) -> bool:
        """Whether an appliance of the customer's uses the service, on ports of its own and by public names."""
        return bool(self.appliance_labels)

    def links(self, *, fips: bool) -> tuple[PrivateLink, ...]:
        """The endpoint services whose private DNS may cover the ordinary hosts or, with `fips`, the FIPS hosts. The one
        made for them comes first."""
        fitting = [link for link in self.private_links if fips or not link.of_fips]
        return tuple(sorted(fitting, key=lambda link: fips and not link.of_fips))

    def conversation(self, call: SignedCall | None, signing_region: str | None) -> Conversation:
        """The requests that a run makes of it with this signed call; `signing_region` is given if it is not the
        target's Region."""
        return Conversation(
            signing_name=self.signing_name,
            signing_region=signing_region,
            call=call,
            unsigned_path=self.unsigned_path,
            answers=self.answers,
            websocket_path=self.websocket_path,
        )
