"""The classes of the catalogue's records of services."""

import re
from collections.abc import Mapping
from dataclasses import field
from typing import Final

from probes.frozen import dataclass
from probes.model import AnswerForm, Conversation, PortProtocol, SignedCall

USUAL_PREFIX: Final = "com.amazonaws"
"""The first part of most PrivateLink service names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """A TCP port that a service uses through its endpoint."""

    number: int
    role: str
    required: bool
    """Whether the service cannot work without the port."""
    blocks_new: bool = False
    """Whether the port is only needed once, to activate a new appliance of the service."""
    protocol: PortProtocol = PortProtocol.TLS


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateLink:
    """An endpoint service of PrivateLink through which a service is reached."""

    label: str
    """Last part of the endpoint service's name, and the label in DNS names of the endpoints themselves."""
    prefixes: Mapping[str, str] = field(default_factory=dict)
    """The first part of the endpoint service's name, by Region or by partition. If it is the usual one, it is not
    listed here."""
    documented_in: frozenset[str] = frozenset({"aws", "aws-us-gov"})
    """Partitions for which AWS documents the name. In other partitions it is inferred from the rule, or comes from a
    third party."""
    partitions: frozenset[str] | None = None
    """The partitions that have the endpoint service; None if every partition may have it."""
    of_fips: bool = False
    """Whether private DNS of the endpoint only answers for the FIPS hosts."""
    service_regions: Mapping[str, str] | None = None
    """The Region of the endpoint service, by partition. This is for a global service, whose name has no Region. None
    for a regional service."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPermission:
    """The permission that IAM must grant for a signed call."""

    action: str
    resource: str = "*"
    """The ARN, with the variables `{partition}`, `{region}` and `{account}`. It is `*` if the action is not about a
    particular resource."""
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
    """The Regions whose calls go to the host."""
    setting: str
    """The name of the profile setting that can be `legacy` or `regional`."""
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
    """boto3's name for the client of the service, if it differs from `name`; empty if boto3 has no such client."""
    sdk_id: str
    """The `serviceId` in the model of the service. The endpoint variable is named after it (AWS SDKs and Tools
    Reference Guide, Service-specific endpoints). Empty if no SDK has a model."""
    signing_name: str
    """The service name in the signature of requests."""
    host_label: str
    """The first label of the host names that an SDK builds."""
    private_links: tuple[PrivateLink, ...]
    """The endpoint services through which the service is reached. Reports give the name of the first; empty if AWS
    lists no endpoint service."""
    ports: tuple[Port, ...]
    call: SignedCall | None
    """The read-only call that proves access; None if every call of the service has side effects."""
    permission: CallPermission | None
    """The permission for `call`; None if there is no call."""
    call_is_own: bool = False
    """Whether programs that use the service make `call` themselves. A role without the permission for it then lacks
    something that they need."""
    bucket_permission: CallPermission | None = None
    """The permission for HeadBucket, with `{bucket}` in its resource. HeadBucket is the signed call if a workload is
    set to use a bucket. None for a service without buckets."""
    calls_per_second: float | None = None
    """The published rate limit of `call` per account and Region; None if AWS publishes no limit."""
    lists_jobs: bool = False
    """Whether the service lists the jobs of AWS Backup (ListBackupJobs). Listing jobs needs JOBS_PERMISSIONS."""
    job_kinds: tuple[str, ...] = ()
    """Resource types (ResourceType) whose backup jobs need this service from the host itself. A fault of the host's
    path to the service can make these jobs fail. Jobs of other types only run inside AWS."""
    has_job_data: bool = False
    """Whether the data of the jobs in `job_kinds` goes through the service. The backed-up resources are then on a host
    that uses this service, and the jobs give the ids of the resources and not of the instance."""
    gives_credentials: bool = False
    """Whether the SDK's chain of credentials asks this service for the credentials of a role."""
    appliance_labels: tuple[str, ...] = ()
    """The first labels of the public hosts that an appliance of the service uses. Empty if the service has no
    appliance."""
    unsigned_path: str = "/"
    """The path of the unsigned request. The service must not answer it with a redirect to a web page."""
    answers: AnswerForm = AnswerForm.JSON
    websocket_path: str | None = None
    """The path of the unsigned request to open a WebSocket; None for a service without WebSockets."""
    global_host: GlobalHost | None = None
    """The single host for several Regions; None if the service has no such host."""
    has_gateway_endpoint: bool = False
    """Whether the service can also be reached through a gateway endpoint, by a route to its public addresses. If so,
    addresses alone do not show whether the path is private."""
    absent_in: frozenset[str] = frozenset()
    """Partitions that do not have the service, according to AWS's documents."""
    documented_fips_regions: frozenset[str] = frozenset()
    """Regions for which AWS documents the FIPS host. An SDK builds the name for every Region."""

    @property
    def client_name(self) -> str | None:
        """boto3's name for the client of the service; None if boto3 has no such client."""
        return (self.name if self.client is None else self.client) or None

    @property
    def endpoint_variable(self) -> str | None:
        """The environment variable that gives the SDK another endpoint for this service; None if no SDK has such a
        variable."""
        return f"AWS_ENDPOINT_URL_{self.sdk_id.upper().replace(' ', '_')}" if self.sdk_id else None

    @property
    def settings_key(self) -> str | None:
        """The key of the service in a profile's `services` section (AWS SDKs and Tools Reference Guide,
        Service-specific endpoints); None if no SDK has such a key."""
        return self.sdk_id.lower().replace(" ", "_") or None

    @property
    def cli_words(self) -> tuple[str, str] | None:
        """The service and the operation of `call`, as the AWS CLI spells them; None if there is no call."""
        if self.call is None or self.client_name is None:
            return None
        return self.client_name, re.sub("(?<!^)(?=[A-Z])", "-", self.call.name).lower()

    @property
    def has_appliance(self) -> bool:
        """Whether an appliance of the customer uses the service, on special ports and by public names."""
        return bool(self.appliance_labels)

    def links(self, *, fips: bool) -> tuple[PrivateLink, ...]:
        """The endpoint services whose private DNS may answer for the ordinary hosts or, with `fips`, for the FIPS
        hosts. An endpoint service that is only for FIPS hosts comes first."""
        fitting = [link for link in self.private_links if fips or not link.of_fips]
        return tuple(sorted(fitting, key=lambda link: fips and not link.of_fips))

    def conversation(self, call: SignedCall | None, signing_region: str | None) -> Conversation:
        """The requests that a run sends to the service, with this signed call. `signing_region` is None if requests are
        signed for the target's Region."""
        return Conversation(
            signing_name=self.signing_name,
            signing_region=signing_region,
            call=call,
            unsigned_path=self.unsigned_path,
            answers=self.answers,
            websocket_path=self.websocket_path,
        )
