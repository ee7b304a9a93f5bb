"""Every finding with its code, name, severity and title. There is no other list of findings. A code is never used again
for another finding."""

from enum import StrEnum
from typing import Final

from probes.frozen import dataclass
from probes.masks import Plain


class Severity(StrEnum):
    """Severity of a finding."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        """The position among the severities: 0 for the worst."""
        return tuple(Severity).index(self)


class Scope(StrEnum):
    """What a finding belongs to, such as a target or the whole run."""

    RUN = "run"
    RESOLVER = "resolver"
    TARGET = "target"


class Radius(StrEnum):
    """Which hosts the cause of a kind of finding usually affects. If many hosts have a fault, the cause is fixed once
    for all hosts that it affects, and not on each host."""

    HOST = "host"
    """This host alone: its settings, files, clock, kernel or credentials, or something measured on it."""
    SUBNET = "subnet"
    """The hosts of its subnet, through a route table, a network ACL or DNS64."""
    ENDPOINT = "endpoint"
    """The hosts that use the endpoint: its interfaces, groups, state or policy."""
    VPC = "vpc"
    """The hosts of the VPC, or some of them across subnets. The cause is a resolver or zone, a device on the path, or a
    security group of hosts."""
    ACCOUNT = "account"
    """The hosts in all VPCs of the account: roles, policies of IAM and of the organisation, quotas, resources that are
    shared with the account, and the service itself."""


class Layer(StrEnum):
    """The subject area of a kind of finding. The codes of the area begin with this value."""

    HOST = "ENV"
    NAME = "DNS"
    CONNECTION = "TCP"
    TLS = "TLS"
    HTTP = "HTTP"
    CALL = "API"
    POLICY = "IAM"
    CONFIGURATION = "VPC"
    """The configuration as EC2 and Route 53 report it. It is not measured."""
    JOB = "JOB"
    """Jobs of AWS Backup. They belong to the account and do not depend on this host's path."""
    RUN = "RUN"


class FixForm(StrEnum):
    """The form in which a page of `explain` describes a fix in AWS."""

    CONSOLE = "a console path"
    CLI = "an AWS CLI command"
    TEMPLATE = "a CloudFormation block"


ALL_FORMS: Final = frozenset(FixForm)
"""The fix changes configuration of AWS that can be written in a template."""
NO_TEMPLATE: Final = frozenset({FixForm.CONSOLE, FixForm.CLI})
"""The fix cannot be a CloudFormation block. Either it changes one property of a resource in another template, and the
page names this property. Or it is about something that no template describes: keys, sessions, opting in, quotas,
appliances, or another service that uses the address."""
CLI_ALONE: Final = frozenset({FixForm.CLI})
"""The fix is not made in the console: the CLI writes the profile of this host, or repeats the failed call."""
NOT_IN_AWS: Final = frozenset[FixForm]()
"""The fix is not in AWS: the cause is on this host, in its proxy, in the settings of programs or in the run itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A page that a person can open elsewhere."""

    title: Plain
    url: Plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A kind of finding, and its relation to other kinds."""

    code: str
    name: str
    severity: Severity
    radius: Radius
    title: str
    headline: str
    """The template of its headline: see `agent.catalog.headline`, and `agent.judge.headlines` for the values."""
    scope: Scope = Scope.TARGET
    documents: tuple[Document, ...] = ()
    fix_forms: frozenset[FixForm] = ALL_FORMS
    """The forms in which its page describes the fix; the page has exactly these forms."""
    accounts_for_failure: bool = True
    """Whether the finding gives the reason for the failed steps in its evidence. Otherwise it only shows that they
    failed. A step that was not measured is then not ok. For example, the clock is read from every answer, but does not
    explain why the answer is a failure."""
    needs_symptom: bool = False
    """Whether the finding is reported only if it explains a measured fault. It then has the severity of that fault.
    Such a finding is a cause in the configuration. Without the measured fault, it is not a fault."""
    severity_from_symptoms: bool = False
    """Whether its severity is that of the findings that it explains or, if it explains none, that of other faults
    measured at the same place. Without such faults, it is info. An unavailable endpoint, for example, harms only hosts
    that use it."""
    is_partial: bool = False
    """Whether some addresses or ports have the fault while others work. If so, the choice of a host name cannot be the
    cause of the fault."""
    of_this_host: bool = False
    """Whether the fault is on this host, although it is measured at an address. Neither the answer of a name server nor
    the peer at the address causes it. False if the rule decides this for each single finding."""
    leaves_status_unknown: bool = False
    """Whether nothing can be proven while it exists, so that the verdict is at best unknown."""
    of_audit: bool = False
    """Whether only an audit reports the finding, since it is about resources and not about the path of a host."""

    @property
    def layer(self) -> Layer:
        return Layer(self.code.rstrip("0123456789"))


_DOCS: Final = "https://docs.aws.amazon.com"
_NETWORK: Final = Document(
    title="AWS Backup Developer Guide: AWS Backup network",
    url=f"{_DOCS}/aws-backup/latest/devguide/backup-network.html",
)
_ENDPOINT: Final = Document(
    title="AWS PrivateLink Guide: Access an AWS service using an interface VPC endpoint",
    url=f"{_DOCS}/vpc/latest/privatelink/create-interface-endpoint.html",
)
_CONFIGURE: Final = Document(
    title="AWS PrivateLink Guide: Configure an interface endpoint",
    url=f"{_DOCS}/vpc/latest/privatelink/interface-endpoints.html",
)
_DNS: Final = Document(
    title="Amazon VPC User Guide: DNS attributes for your VPC",
    url=f"{_DOCS}/vpc/latest/userguide/vpc-dns.html",
)
_ZONES: Final = Document(
    title="Route 53 Developer Guide: Considerations when working with a private hosted zone",
    url=f"{_DOCS}/Route53/latest/DeveloperGuide/hosted-zone-private-considerations.html",
)
_RESOLVER: Final = Document(
    title="Route 53 Developer Guide: Route 53 Resolver",
    url=f"{_DOCS}/Route53/latest/DeveloperGuide/resolver.html",
)
_GATEWAY: Final = Document(
    title="AWS Backup Developer Guide: Configure your infrastructure to use Backup gateway",
    url=f"{_DOCS}/aws-backup/latest/devguide/configure-infrastructure-bgw.html",
)
_JOBS: Final = Document(
    title="AWS Backup API Reference: ListBackupJobs",
    url=f"{_DOCS}/aws-backup/latest/devguide/API_ListBackupJobs.html",
)
_GROUPS: Final = Document(
    title="Amazon VPC User Guide: Security groups for your VPC",
    url=f"{_DOCS}/vpc/latest/userguide/vpc-security-groups.html",
)
_ROUTES: Final = Document(
    title="Amazon VPC User Guide: Configure route tables",
    url=f"{_DOCS}/vpc/latest/userguide/VPC_Route_Tables.html",
)
_GATEWAY_ENDPOINTS: Final = Document(
    title="AWS PrivateLink Guide: Gateway endpoints",
    url=f"{_DOCS}/vpc/latest/privatelink/gateway-endpoints.html",
)
_POLICIES: Final = Document(
    title="AWS PrivateLink Guide: Control access to VPC endpoints using endpoint policies",
    url=f"{_DOCS}/vpc/latest/privatelink/vpc-endpoints-access.html",
)
_STATES: Final = Document(
    title="EC2 API Reference: VpcEndpoint", url=f"{_DOCS}/AWSEC2/latest/APIReference/API_VpcEndpoint.html"
)
_ACLS: Final = Document(
    title="Amazon VPC User Guide: Control subnet traffic with network access control lists",
    url=f"{_DOCS}/vpc/latest/userguide/vpc-network-acls.html",
)
_DHCP: Final = Document(
    title="Amazon VPC User Guide: DHCP option sets in Amazon VPC",
    url=f"{_DOCS}/vpc/latest/userguide/VPC_DHCP_Options.html",
)
_INSPECTING: Final = Document(
    title="Service Authorization Reference: Actions, resources, and condition keys for Amazon EC2",
    url=f"{_DOCS}/service-authorization/latest/reference/list_amazonec2.html",
)
_REACHABILITY: Final = Document(
    title="Amazon VPC: What is Reachability Analyzer?",
    url=f"{_DOCS}/vpc/latest/reachability/what-is-reachability-analyzer.html",
)
_MTU: Final = Document(
    title="EC2 User Guide: Network maximum transmission unit for your EC2 instance",
    url=f"{_DOCS}/AWSEC2/latest/UserGuide/network_mtu.html",
)
_IMDS: Final = Document(
    title="EC2 User Guide: Use the Instance Metadata Service",
    url=f"{_DOCS}/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html",
)
_SDK: Final = Document(
    title="AWS SDKs and Tools Reference Guide: AWS Region", url=f"{_DOCS}/sdkref/latest/guide/feature-region.html"
)

_SHARED_FILES: Final = Document(
    title="AWS SDKs and Tools Reference Guide: Shared config and credentials files",
    url=f"{_DOCS}/sdkref/latest/guide/file-format.html",
)
_SDK_ENDPOINTS: Final = Document(
    title="AWS SDKs and Tools Reference Guide: Service-specific endpoints",
    url=f"{_DOCS}/sdkref/latest/guide/feature-ss-endpoints.html",
)
_PROXY: Final = Document(
    title="AWS CLI User Guide: Using an HTTP proxy for the AWS CLI",
    url=f"{_DOCS}/cli/latest/userguide/cli-configure-proxy.html",
)
_CLOCK: Final = Document(
    title="EC2 User Guide: Precision clock and time synchronization on your EC2 instance",
    url=f"{_DOCS}/AWSEC2/latest/UserGuide/set-time.html",
)
_PROFILES: Final = Document(
    title="Route 53 Developer Guide: What are Amazon Route 53 Profiles?",
    url=f"{_DOCS}/Route53/latest/DeveloperGuide/profiles.html",
)
_FIREWALL: Final = Document(
    title="Route 53 Developer Guide: Rule actions in DNS Firewall",
    url=f"{_DOCS}/Route53/latest/DeveloperGuide/resolver-dns-firewall-rule-actions.html",
)
_ALLOWANCE: Final = Document(
    title="EC2 User Guide: Monitor network performance for ENA settings on your EC2 instance",
    url=f"{_DOCS}/AWSEC2/latest/UserGuide/monitoring-network-performance-ena.html",
)
_TRUST: Final = Document(title="Amazon Trust Services repository", url="https://www.amazontrust.com/repository/")
_CREDENTIALS: Final = Document(
    title="AWS SDKs and Tools Reference Guide: Standardized credential providers",
    url=f"{_DOCS}/sdkref/latest/guide/standardized-credentials.html",
)
_SIGNING: Final = Document(
    title="IAM User Guide: Troubleshoot Signature Version 4 signing for AWS API requests",
    url=f"{_DOCS}/IAM/latest/UserGuide/reference_sigv-troubleshooting.html",
)
_ERRORS: Final = Document(
    title="AWS Backup Developer Guide: Common Error Types",
    url=f"{_DOCS}/aws-backup/latest/devguide/CommonErrors.html",
)
_POLICY: Final = Document(
    title="AWS PrivateLink Guide: Control access to VPC endpoints using endpoint policies",
    url=f"{_DOCS}/vpc/latest/privatelink/vpc-endpoints-access.html",
)
_DENIED: Final = Document(
    title="IAM User Guide: Troubleshoot access denied error messages",
    url=f"{_DOCS}/IAM/latest/UserGuide/troubleshoot_access-denied.html",
)

_CRITICAL, _WARNING, _INFO = Severity.CRITICAL, Severity.WARNING, Severity.INFO


def _code(
    code: str,
    name: str,
    severity: Severity,
    radius: Radius,
    title: str,
    headline: str,
    *documents: Document,
    scope: Scope = Scope.TARGET,
    fix_forms: frozenset[FixForm] = ALL_FORMS,
    accounts_for_failure: bool = True,
    needs_symptom: bool = False,
    severity_from_symptoms: bool = False,
    is_partial: bool = False,
    of_this_host: bool = False,
    leaves_status_unknown: bool = False,
    of_audit: bool = False,
) -> Code:
    return Code(
        code=code,
        name=name,
        severity=severity,
        radius=radius,
        title=title,
        headline=headline,
        scope=scope,
        documents=documents,
        fix_forms=fix_forms,
        accounts_for_failure=accounts_for_failure,
        needs_symptom=needs_symptom,
        severity_from_symptoms=severity_from_symptoms,
        is_partial=is_partial,
        of_this_host=of_this_host,
        of_audit=of_audit,
        leaves_status_unknown=leaves_status_unknown,
    )


CODES: Final = {
    code.code: code
    for code in (
        _code(
            "ENV001",
            "region-unknown",
            _WARNING,
            Radius.HOST,
            "No Region is set",
            "no Region is set by --region, AWS_REGION, a profile or instance metadata",
            _SDK,
            scope=Scope.RUN,
            leaves_status_unknown=True,
            fix_forms=NO_TEMPLATE,
        ),
        _code(
            "ENV002",
            "metadata-unreachable",
            _WARNING,
            Radius.HOST,
            "The instance metadata service does not answer",
            "instance metadata does not answer[: {how}]",
            _IMDS,
            scope=Scope.RUN,
            fix_forms=NO_TEMPLATE,
        ),
        _code(
            "ENV003",
            "metadata-disabled",
            _WARNING,
            Radius.HOST,
            "The instance metadata service refuses requests",
            "instance metadata answers {status}: it is off, or forbidden to this process",
            _IMDS,
            scope=Scope.RUN,
            fix_forms=NO_TEMPLATE,
        ),
        _code(
            "ENV004",
            "service-not-offered",
            _CRITICAL,
            Radius.ACCOUNT,
            "The service is not offered in this Region",
            "{service} is not offered in {region}",
            _NETWORK,
            fix_forms=NO_TEMPLATE,
        ),
        _code(
            "ENV005",
            "sdk-endpoint-overridden",
            _WARNING,
            Radius.HOST,
            "SDK settings send calls to another URL",
            "the SDK's settings send {service} to {url~}",
            _SDK_ENDPOINTS,
            fix_forms=NO_TEMPLATE,
        ),
        _code(
            "ENV006",
            "sdk-host-not-covered",
            _WARNING,
            Radius.VPC,
            "Private DNS covers another name than the SDK calls",
            "private DNS does not cover {host~}, which the SDK calls",
            _CONFIGURE,
        ),
        _code(
            "ENV007",
            "proxy-captures-endpoint",
            _CRITICAL,
            Radius.HOST,
            "A proxy takes the calls off the private path",
            "the proxy {url~} takes calls to {service}",
            _PROXY,
            fix_forms=NOT_IN_AWS,
        ),
        _code(
            "ENV008",
            "region-mismatch",
            _WARNING,
            Radius.HOST,
            "The configured Region is not the instance's",
            "{source} says {named~}[, and this instance is in {here}]",
            _SDK,
            scope=Scope.RUN,
            fix_forms=CLI_ALONE,
        ),
        _code(
            "ENV009",
            "hosts-file-override",
            _WARNING,
            Radius.HOST,
            "The hosts file answers for the name instead of DNS",
            "the hosts file says {where}[ for {host~}]",
            fix_forms=NOT_IN_AWS,
        ),
        _code(
            "ENV010",
            "clock-skew",
            _WARNING,
            Radius.HOST,
            "This host's clock is wrong",
            "this host's clock is {off} AWS's",
            _CLOCK,
            scope=Scope.RUN,
            accounts_for_failure=False,
            fix_forms=NOT_IN_AWS,
        ),
        _code(
            "ENV011",
            "proxy-captures-metadata",
            _WARNING,
            Radius.HOST,
            "A proxy takes requests for instance metadata",
            "the proxy {url~} takes requests for instance metadata",
            _PROXY,
            scope=Scope.RUN,
            fix_forms=NOT_IN_AWS,
        ),
        _code(
            "ENV012",
            "outside-vpc",
            _INFO,
            Radius.HOST,
            "This host seems to be outside AWS",
            "neither instance metadata nor a VPC's resolver answers this host",
            _RESOLVER,
            scope=Scope.RUN,
        ),
        _code(
            "ENV013",
            "allowance-exceeded",
            _WARNING,
            Radius.HOST,
            "The instance's network allowance was exceeded",
            "a network allowance was exceeded: {risen}",
            _ALLOWANCE,
            scope=Scope.RUN,
            fix_forms=NO_TEMPLATE,
        ),
        _code(
            "ENV014",
            "region-not-known",
            _WARNING,
            Radius.HOST,
            "No Region of this name is known, and none of its hosts exists",
            "no Region is called {named~}[, and this instance is in {here}]",
            _SDK,
            scope=Scope.RUN,
            fix_forms=CLI_ALONE,
        ),
        _code(
            "ENV015",
            "host-starved",
            _WARNING,
            Radius.HOST,
            "This host kept backuplink from running",
            "{starved}",
            scope=Scope.RUN,
            accounts_for_failure=False,
            leaves_status_unknown=True,
            fix_forms=NOT_IN_AWS,
        ),
        _code(
            "ENV016",
            "workload-agent-too-old",
            _WARNING,
            Radius.HOST,
            "An agent on this host is too old for the private path",
            "{agent} {version~} is too old for the private path[: {least} is needed]",
            scope=Scope.RUN,
            fix_forms=NOT_IN_AWS,
        ),
        _code(
            "ENV017",
            "workload-agent-overrides",
            _WARNING,
            Radius.HOST,
            "The workload's own settings lead elsewhere, or were not read",
            "[whether {agent} sends to {either} is not known][{setter} {leads} {elsewhere~}]",
            scope=Scope.RUN,
            fix_forms=NOT_IN_AWS,
        ),
        _code(
            "ENV018",
            "sdk-settings-unusable",
            _CRITICAL,
            Radius.HOST,
            "The SDK's settings on this host cannot be used",
            "[{place} says that the Region is {named~}][the SDK cannot read its settings: {error~}]",
            _SHARED_FILES,
            scope=Scope.RUN,
            fix_forms=CLI_ALONE,
        ),
        _code(
            "DNS001",
            "public-answer",
            _CRITICAL,
            Radius.VPC,
            "The name resolves to public addresses, off the private path",
            "the name leads off the private path, to {where}",
            _NETWORK,
            _CONFIGURE,
            _DNS,
        ),
        _code(
            "DNS002",
            "resolvers-disagree",
            _CRITICAL,
            Radius.VPC,
            "This host and the VPC's resolver disagree on the name",
            "[this host gets {own}][, and the VPC's resolver gives {theirs}]"
            "[name server {lacking}, which this host asks in turn, gives {given}]"
            "[name server {reserve}, asked if the first fails, gives {given}]",
            _RESOLVER,
            _DNS,
        ),
        _code(
            "DNS003",
            "name-does-not-exist",
            _CRITICAL,
            Radius.VPC,
            "The name does not exist",
            "{host~} does not exist[ at {resolver}]",
            _ZONES,
            _NETWORK,
        ),
        _code(
            "DNS004",
            "resolver-silent",
            _CRITICAL,
            Radius.VPC,
            "Lookups made by this host get no answer in time",
            "name server {resolver} does not answer in time",
            _DNS,
            _RESOLVER,
            scope=Scope.RESOLVER,
            fix_forms=NO_TEMPLATE,
        ),
        _code(
            "DNS005",
            "resolver-servfail",
            _CRITICAL,
            Radius.VPC,
            "The name server fails to answer",
            "[name server {failing} gives no usable answer][name servers disagree: {odds}][ ({how})]",
            _RESOLVER,
        ),
        _code(
            "DNS006",
            "empty-answer",
            _CRITICAL,
            Radius.VPC,
            "The name has no address",
            "{host~} has no address[ at {resolver}]",
            _ZONES,
        ),
        _code(
            "DNS007",
            "answer-redirected",
            _WARNING,
            Radius.VPC,
            "The name has a CNAME outside the service's own names",
            "the name has a CNAME to {alias~}[, says {resolver}]",
            _FIREWALL,
        ),
        _code(
            "DNS008",
            "mixed-answer",
            _CRITICAL,
            Radius.VPC,
            "One answer holds private and public addresses",
            "one answer has public {public}[ and private {private}]",
            _ZONES,
        ),
        _code(
            "DNS009",
            "answer-outside-vpc",
            _INFO,
            Radius.VPC,
            "The private addresses lie outside this VPC",
            "the name leads outside this VPC, to {where}",
            _ENDPOINT,
        ),
        _code(
            "DNS010",
            "bogus-address",
            _CRITICAL,
            Radius.VPC,
            "The name resolves to an address that no endpoint has",
            "the name gives {where}, which no endpoint has",
            fix_forms=NOT_IN_AWS,
        ),
        _code(
            "DNS011",
            "public-ipv6-beside-private-ipv4",
            _WARNING,
            Radius.VPC,
            "The name is private by IPv4 and public by IPv6",
            "private by IPv4, and public by IPv6: {where}",
            _CONFIGURE,
            fix_forms=NO_TEMPLATE,
        ),
        _code(
            "DNS012",
            "nat64-answer",
            _WARNING,
            Radius.SUBNET,
            "Traffic goes through NAT64",
            "traffic goes through NAT64: {where}",
            _CONFIGURE,
        ),
        _code(
            "DNS013",
            "resolver-refused",
            _CRITICAL,
            Radius.VPC,
            "The name server refuses to answer",
            "name server {resolver} refuses to answer[ for {host~}]",
            _RESOLVER,
        ),
        _code(
            "DNS014",
            "appliance-names-shadowed",
            _INFO,
            Radius.VPC,
            "Private DNS hides the names that a gateway appliance uses",
            "private DNS hides {hidden} of a gateway appliance[, such as {alias~}]",
            _GATEWAY,
            fix_forms=NO_TEMPLATE,
        ),
        _code(
            "DNS015",
            "system-lookup-differs",
            _WARNING,
            Radius.HOST,
            "Programs on this host get another answer than the name servers give",
            "programs get {own}[, and the name servers give {theirs}]",
            fix_forms=NOT_IN_AWS,
        ),
        _code(
            "DNS016",
            "resolver-degraded",
            _WARNING,
            Radius.VPC,
            "One of the name servers stalls",
            "name server {resolver} is unreliable[: {how}]",
            _RESOLVER,
            scope=Scope.RESOLVER,
        ),
        _code(
            "DNS017",
            "answer-beyond-reason",
            _CRITICAL,
            Radius.VPC,
            "The name has more addresses than any endpoint can have",
            "the answer cannot be used: {why~}[ (from {resolver})]",
            _ENDPOINT,
            fix_forms=NO_TEMPLATE,
        ),
        _code(
            "DNS018",
            "search-list-answers",
            _CRITICAL,
            Radius.HOST,
            "A search domain answers in place of the name itself",
            "search domain {domain~} answers for the name[: {where}]",
            fix_forms=NOT_IN_AWS,
        ),
        _code(
            "DNS019",
            "dns-over-tcp-blocked",
            _CRITICAL,
            Radius.VPC,
            "DNS needs TCP port 53 here, and it is closed",
            "TCP port 53 is closed at {resolver}, needed for DNS",
            _RESOLVER,
            _GROUPS,
            scope=Scope.RESOLVER,
        ),
        _code(
            "DNS020",
            "private-where-public-expected",
            _WARNING,
            Radius.VPC,
            "The name resolves to private addresses where a public path is expected",
            "public is expected, and the name gives {where}",
            _CONFIGURE,
            fix_forms=NO_TEMPLATE,
        ),
        _code(
            "TCP001",
            "port-blocked",
            _CRITICAL,
            Radius.ENDPOINT,
            "Port 443 is silent",
            "{ports} is silent at {of}[: {which}][ ({zone})]",
            _ENDPOINT,
            _GROUPS,
        ),
        _code(
            "TCP002",
            "zone-silent",
            _CRITICAL,
            Radius.ENDPOINT,
            "Some of the endpoint's addresses do not answer",
            "{of} {is} {how} on {ports}[: {which}][ ({zone})]",
            _ENDPOINT,
            _GROUPS,
            is_partial=True,
        ),
        _code(
            "TCP003",
            "gateway-ports-blocked",
            _CRITICAL,
            Radius.ENDPOINT,
            "The gateway's own ports are closed",
            "{named_ports} closed at {of}[: {which}][ ({zone})]",
            _NETWORK,
            _GATEWAY,
            is_partial=True,
        ),
        _code(
            "TCP004",
            "refused-by-peer",
            _CRITICAL,
            Radius.ENDPOINT,
            "Something refuses the connection",
            "{ports} is refused at {of}[: {which}][ ({zone})]",
            _ENDPOINT,
            fix_forms=NO_TEMPLATE,
        ),
        _code(
            "TCP005",
            "blocked-on-this-host",
            _CRITICAL,
            Radius.HOST,
            "This host itself blocks the connection",
            "this host itself blocks {ports} to {of}[: {which}][ ({zone})]",
            of_this_host=True,
            fix_forms=NOT_IN_AWS,
        ),
        _code(
            "TCP006",
            "no-route",
            _CRITICAL,
            Radius.SUBNET,
            "There is no route to the address",
            "no way to {of}[: {which}][ ({zone})]",
            _ROUTES,
        ),
        _code(
            "TCP007",
            "support-port-blocked",
            _INFO,
            Radius.ENDPOINT,
            "The port of AWS Support's channel is closed",
            "{named_ports} closed at {of}[: {which}][ ({zone})]",
            _GATEWAY,
            is_partial=True,
        ),
        _code(
            "TCP008",
            "ipv6-path-broken",
            _WARNING,
            Radius.ENDPOINT,
            "Addresses of one family do not connect",
            "{ports} fails by {family} at {where}",
            _CONFIGURE,
            is_partial=True,
        ),
        _code(
            "TCP009",
            "lossy-path",
            _WARNING,
            Radius.HOST,
            "Connects needed more than one try",
            "[{tries} connects needed more than one try][a round trip takes {round_trip}][: {where}]",
            _ALLOWANCE,
            fix_forms=NO_TEMPLATE,
        ),
        _code(
            "TCP010",
            "wrong-interface",
            _WARNING,
            Radius.HOST,
            "The way to the endpoint leaves by another interface",
            "traffic to {where} leaves by {interface}",
            of_this_host=True,
            fix_forms=NOT_IN_AWS,
        ),
        _code(
            "TCP011",
            "no-source-port",
            _CRITICAL,
            Radius.HOST,
            "This host has no free source port",
            "this host has no free source port for {where}",
            of_this_host=True,
            fix_forms=NOT_IN_AWS,
        ),
        _code(
            "TCP012",
            "idle-flow-cut",
            _INFO,
            Radius.HOST,
            "TCP keepalive starts after an idle connection is forgotten",
            "TCP keepalive starts after {keepalive}, and idle flows end after {idle}",
            scope=Scope.RUN,
            fix_forms=NOT_IN_AWS,
        ),
        _code(
            "TLS001",
            "intercepted",
            _CRITICAL,
            Radius.VPC,
            "The certificate is not Amazon's: TLS is intercepted",
            "the certificate is not Amazon's[ but {issuer~}'s][, at {where}]",
        ),
        _code(
            "TLS002",
            "trusted-interception",
            _WARNING,
            Radius.VPC,
            "An authority that this host trusts decrypts TLS",
            "{issuer~}, which this host trusts, decrypts TLS[, at {where}]",
        ),
        _code(
            "TLS003",
            "wrong-host",
            _CRITICAL,
            Radius.VPC,
            "A genuine certificate for another name",
            "the certificate is for {subject~}[, at {where}]",
            _CONFIGURE,
        ),
        _code(
            "TLS004",
            "handshake-stalls",
            _CRITICAL,
            Radius.VPC,
            "The TLS handshake stalls",
            "the TLS handshake stalls at {of}[: {which}][ ({zone})]",
            _MTU,
            fix_forms=NOT_IN_AWS,
        ),
        _code(
            "TLS005",
            "handshake-reset",
            _CRITICAL,
            Radius.VPC,
            "The connection is cut right after the ClientHello",
            "cut after the ClientHello at {of}[: {which}][ ({zone})]",
        ),
        _code(
            "TLS006",
            "not-tls",
            _CRITICAL,
            Radius.VPC,
            "Something that is not TLS answers on the port",
            "something other than TLS answers at {of}[: {which}][ ({zone})]",
            fix_forms=NO_TEMPLATE,
        ),
        _code(
            "TLS007",
            "certificate-time",
            _CRITICAL,
            Radius.HOST,
            "The certificate is not valid at this host's time",
            "certificate of {span}, and this host's clock says {now}",
            _CLOCK,
            fix_forms=NOT_IN_AWS,
        ),
        _code(
            "TLS008",
            "trust-store-broken",
            _CRITICAL,
            Radius.HOST,
            "This host's trusted certificates lack Amazon's",
            "[the trusted certificates cannot be read: {error~}][{store~} does not verify Amazon's certificate]",
            _TRUST,
            of_this_host=True,
            fix_forms=NOT_IN_AWS,
        ),
        _code(
            "TLS009",
            "handshake-refused",
            _CRITICAL,
            Radius.HOST,
            "The peer refuses the TLS version or the ciphers",
            "no TLS version or cipher in common at {of}[: {which}]",
            fix_forms=NO_TEMPLATE,
        ),
        _code(
            "TLS010",
            "chain-incomplete",
            _CRITICAL,
            Radius.VPC,
            "The server sends its certificate without the intermediate",
            "no intermediate certificate comes from {of}[: {which}]",
            _TRUST,
            fix_forms=CLI_ALONE,
        ),
        _code(
            "HTTP001",
            "not-aws",
            _CRITICAL,
            Radius.VPC,
            "Something other than AWS answers",
            "something other than AWS answers at {of}[: {which}][ ({zone})]",
            fix_forms=NO_TEMPLATE,
        ),
        _code(
            "HTTP002",
            "redirected",
            _CRITICAL,
            Radius.VPC,
            "The answer sends the client elsewhere",
            "the answer leads to {location~}[, from {where}]",
            fix_forms=NO_TEMPLATE,
        ),
        _code(
            "HTTP003",
            "proxy-failed",
            _CRITICAL,
            Radius.VPC,
            "The proxy does not let the calls through",
            "the proxy {url~} does not let calls through",
            _PROXY,
            fix_forms=NOT_IN_AWS,
        ),
        _code(
            "HTTP004",
            "no-answer",
            _CRITICAL,
            Radius.VPC,
            "TLS is up and no HTTP answer comes",
            "no {answer} comes from {of}[: {which}][ ({zone})]",
            _MTU,
            fix_forms=NOT_IN_AWS,
        ),
        _code(
            "HTTP005",
            "service-fault",
            _WARNING,
            Radius.ACCOUNT,
            "AWS itself answers with a fault",
            "AWS itself answers {status} at {of}[: {which}][ ({zone})]",
            fix_forms=NO_TEMPLATE,
        ),
        _code(
            "HTTP006",
            "large-request-stalls",
            _CRITICAL,
            Radius.VPC,
            "Large requests are lost on the way out",
            "large requests are lost on the way to {of}[: {which}][ ({zone})]",
            _MTU,
            fix_forms=NOT_IN_AWS,
        ),
        _code(
            "API001",
            "no-credentials",
            _WARNING,
            Radius.HOST,
            "No credentials to sign with",
            "the SDK finds no credentials, so no signed call was made",
            _CREDENTIALS,
            scope=Scope.RUN,
        ),
        _code(
            "API002",
            "credentials-expired",
            _CRITICAL,
            Radius.HOST,
            "The credentials have expired",
            "AWS answers that the credentials have expired[, at {where}]",
            _CREDENTIALS,
            scope=Scope.RUN,
            fix_forms=NO_TEMPLATE,
        ),
        _code(
            "API003",
            "credentials-rejected",
            _CRITICAL,
            Radius.HOST,
            "AWS rejects the credentials",
            "AWS rejects the credentials[ at {where}]",
            _CREDENTIALS,
            scope=Scope.RUN,
            fix_forms=NO_TEMPLATE,
        ),
        _code(
            "API004",
            "signature-rejected",
            _CRITICAL,
            Radius.HOST,
            "The signature does not match",
            "AWS says that the signature does not match[, at {where}]",
            _SIGNING,
            fix_forms=NO_TEMPLATE,
        ),
        _code(
            "API005",
            "clock-rejected",
            _CRITICAL,
            Radius.HOST,
            "AWS refuses the call because of its time",
            "AWS refuses the time of the call[: its own clock says {time}]",
            _CLOCK,
            fix_forms=NOT_IN_AWS,
        ),
        _code(
            "API006",
            "wrong-scope",
            _CRITICAL,
            Radius.HOST,
            "The call is signed for the wrong Region or service",
            "[the bucket is not in {set_region}][wrong Region or service signed, says {where}]",
            _SIGNING,
            fix_forms=NO_TEMPLATE,
        ),
        _code(
            "API007",
            "throttled",
            _WARNING,
            Radius.ACCOUNT,
            "AWS asks for fewer calls",
            "AWS asks for fewer calls[ of account {account}][, at {where}]",
            _ERRORS,
            fix_forms=NO_TEMPLATE,
        ),
        _code(
            "API008",
            "not-subscribed",
            _CRITICAL,
            Radius.ACCOUNT,
            "The account or the Region has to opt in",
            "{service} needs a subscription[ of account {account}]",
            _ERRORS,
            fix_forms=NO_TEMPLATE,
        ),
        _code(
            "API009",
            "authorization-stripped",
            _CRITICAL,
            Radius.VPC,
            "A signed call is answered as an unsigned one",
            "a signed call is answered as unsigned at {of}[: {which}]",
            _SIGNING,
            fix_forms=NO_TEMPLATE,
        ),
        _code(
            "API010",
            "credential-source-failed",
            _WARNING,
            Radius.HOST,
            "A configured source of credentials fails",
            "[role {role~} fails: {error~}][the search for credentials fails: {failure~}]",
            _CREDENTIALS,
            scope=Scope.RUN,
        ),
        _code(
            "API011",
            "role-shadowed",
            _INFO,
            Radius.HOST,
            "Other credentials hide the instance's role",
            "credentials from {source} hide the instance's role",
            _CREDENTIALS,
            scope=Scope.RUN,
            fix_forms=NO_TEMPLATE,
        ),
        _code(
            "API012",
            "gateway-not-seen",
            _INFO,
            Radius.ACCOUNT,
            "A gateway has not reported for over an hour",
            "{gateway~} has not reported since {since}",
            _GATEWAY,
            fix_forms=NO_TEMPLATE,
        ),
        _code(
            "IAM001",
            "endpoint-policy-silent",
            _CRITICAL,
            Radius.ENDPOINT,
            "No VPC endpoint policy allows the call",
            "no VPC endpoint policy allows {action~}[ to role {role~}]",
            _POLICY,
        ),
        _code(
            "IAM002",
            "endpoint-policy-denies",
            _CRITICAL,
            Radius.ENDPOINT,
            "A VPC endpoint policy denies the call",
            "a VPC endpoint policy denies {action~}[ to role {role~}]",
            _POLICY,
            fix_forms=NO_TEMPLATE,
        ),
        _code(
            "IAM003",
            "identity-policy",
            _WARNING,
            Radius.ACCOUNT,
            "An identity-based policy denies the call",
            "[an {denying} denies][no {silent} allows] {action~}[ to role {role~}]",
            _DENIED,
        ),
        _code(
            "IAM004",
            "service-control-policy",
            _WARNING,
            Radius.ACCOUNT,
            "A service control policy denies the call",
            "[a {denying} denies][no {silent} allows] {action~}[ to role {role~}]",
            _DENIED,
        ),
        _code(
            "IAM005",
            "resource-control-policy",
            _WARNING,
            Radius.ACCOUNT,
            "A resource control policy denies the call",
            "[a {denying} denies][no {silent} allows] {action~}[ to role {role~}]",
            _DENIED,
        ),
        _code(
            "IAM006",
            "permissions-boundary",
            _WARNING,
            Radius.ACCOUNT,
            "A permissions boundary denies the call",
            "[a {denying} denies][no {silent} allows] {action~}[ to role {role~}]",
            _DENIED,
            fix_forms=NO_TEMPLATE,
        ),
        _code(
            "IAM007",
            "session-policy",
            _WARNING,
            Radius.ACCOUNT,
            "A session policy denies the call",
            "[a {denying} denies][no {silent} allows] {action~}[ to role {role~}]",
            _DENIED,
            fix_forms=NO_TEMPLATE,
        ),
        _code(
            "IAM008",
            "resource-policy",
            _WARNING,
            Radius.ACCOUNT,
            "A resource-based policy denies the call",
            "[a {denying} denies][no {silent} allows] {action~}[ to role {role~}]",
            _DENIED,
            fix_forms=NO_TEMPLATE,
        ),
        _code(
            "IAM009",
            "denied-without-reason",
            _WARNING,
            Radius.ACCOUNT,
            "AWS denies the call and does not say which policy",
            "AWS denies {action~}[ to role {role~}] and names no policy",
            _DENIED,
            fix_forms=NO_TEMPLATE,
        ),
        _code(
            "VPC001",
            "endpoint-missing",
            _CRITICAL,
            Radius.VPC,
            "This VPC has no endpoint of the service",
            "{vpc} has no endpoint of {service}",
            _ENDPOINT,
            _NETWORK,
            needs_symptom=True,
        ),
        _code(
            "VPC002",
            "private-dns-off",
            _CRITICAL,
            Radius.VPC,
            "Private DNS of the endpoint is off",
            "private DNS of {endpoint} is off",
            _CONFIGURE,
            _DNS,
            needs_symptom=True,
        ),
        _code(
            "VPC003",
            "vpc-dns-attributes-off",
            _CRITICAL,
            Radius.VPC,
            "A DNS attribute of the VPC is off",
            "{attribute} is off in {vpc}",
            _DNS,
            scope=Scope.RUN,
            needs_symptom=True,
        ),
        _code(
            "VPC004",
            "endpoint-not-available",
            _CRITICAL,
            Radius.ENDPOINT,
            "The endpoint is not available",
            "{endpoint} has the state {state}[ ({error~})]",
            _ENDPOINT,
            _STATES,
            severity_from_symptoms=True,
            fix_forms=NO_TEMPLATE,
        ),
        _code(
            "VPC005",
            "security-group-blocks",
            _CRITICAL,
            Radius.ENDPOINT,
            "The endpoint's security groups do not allow this host",
            "{group} does not admit {sender}[ on {ports}][, nor {nor}]",
            _ENDPOINT,
            _GROUPS,
            needs_symptom=True,
        ),
        _code(
            "VPC006",
            "network-acl-blocks",
            _CRITICAL,
            Radius.SUBNET,
            "A network ACL stops the traffic",
            "{acl}[ entry {entry} denies {traffic}][ has no {direction} entry for {missing}][ stops part of {partial}]",
            _ACLS,
            needs_symptom=True,
        ),
        _code(
            "VPC007",
            "route-blocks",
            _CRITICAL,
            Radius.SUBNET,
            "The routes do not reach the endpoint",
            "[no route to {unrouted} in {table}][{route_table} leads {led}]",
            _ROUTES,
            needs_symptom=True,
        ),
        _code(
            "VPC008",
            "endpoint-policy-would-deny",
            _CRITICAL,
            Radius.ENDPOINT,
            "The endpoint's policy does not allow the call",
            "policy of {endpoint} does not allow {action~}",
            _POLICY,
            needs_symptom=True,
        ),
        _code(
            "VPC009",
            "zone-not-covered",
            _INFO,
            Radius.ENDPOINT,
            "The endpoint has no subnet in this instance's zone",
            "{endpoint} has no subnet in {zone}, where this instance is",
            _ENDPOINT,
            fix_forms=NO_TEMPLATE,
        ),
        _code(
            "VPC010",
            "stale-answer",
            _CRITICAL,
            Radius.VPC,
            "The name resolves to addresses that the endpoint does not have",
            "no endpoint[ of {service}] has {where}[, to which the name leads]",
            _ZONES,
            needs_symptom=True,
        ),
        _code(
            "VPC011",
            "custom-resolver",
            _CRITICAL,
            Radius.VPC,
            "The VPC's DHCP options give custom name servers",
            "{dhcp_options} give name server {resolver}",
            _DHCP,
            _RESOLVER,
            scope=Scope.RUN,
            needs_symptom=True,
        ),
        _code(
            "VPC012",
            "egress-blocked",
            _CRITICAL,
            Radius.VPC,
            "This host's security groups do not let the traffic out",
            "{group} does not let out {ports}[ to {where}]",
            _GROUPS,
            needs_symptom=True,
        ),
        _code(
            "VPC013",
            "cannot-inspect",
            _INFO,
            Radius.ACCOUNT,
            "The configuration could not be read",
            "[the name of {nameless} is not known to this host][the configuration was {read}]",
            _INSPECTING,
            scope=Scope.RUN,
        ),
        _code(
            "VPC014",
            "prediction-differs",
            _WARNING,
            Radius.VPC,
            "Measurement and configuration contradict each other",
            "[{shut}, though the configuration lets it pass][{open} connects, though {stopper} stops it]"
            "[the name is not private, though {endpoint_on} has private DNS on]",
            _REACHABILITY,
            fix_forms=NO_TEMPLATE,
        ),
        _code(
            "VPC015",
            "resolver-rule-forwards",
            _CRITICAL,
            Radius.VPC,
            "A Resolver rule sends the name to other servers",
            "{rule} forwards the name[ to {where_to}]",
            _RESOLVER,
            needs_symptom=True,
        ),
        _code(
            "VPC016",
            "private-zone-shadows",
            _CRITICAL,
            Radius.VPC,
            "A private hosted zone answers for the name",
            "the private hosted zone {hosted_zone} answers for the name[: {domain~}]",
            _ZONES,
            needs_symptom=True,
        ),
        _code(
            "VPC017",
            "dns-firewall-blocks",
            _CRITICAL,
            Radius.VPC,
            "A DNS Firewall rule stops the name",
            "DNS Firewall {rule_group} blocks {domain~}",
            _FIREWALL,
            needs_symptom=True,
        ),
        _code(
            "VPC018",
            "profile-brings",
            _CRITICAL,
            Radius.ACCOUNT,
            "What answers for the name comes from a Route 53 Profile",
            "Profile {profile} brings {brought}, which answers",
            _PROFILES,
            scope=Scope.RUN,
            needs_symptom=True,
        ),
        _code(
            "VPC019",
            "gateway-endpoint-route-missing",
            _CRITICAL,
            Radius.SUBNET,
            "The gateway endpoint does not carry this host's calls",
            "[{route_table} has no route through {endpoint}][policy of {policy_of} denies {action~}]",
            _GATEWAY_ENDPOINTS,
            needs_symptom=True,
        ),
        _code(
            "VPC020",
            "endpoint-group-open",
            _INFO,
            Radius.ENDPOINT,
            "The endpoint's security group admits every address, or is the default one",
            "{group} of {endpoint} admits all, or is the default",
            _GROUPS,
            fix_forms=NO_TEMPLATE,
            of_audit=True,
        ),
        _code(
            "VPC021",
            "endpoint-policy-open",
            _INFO,
            Radius.ENDPOINT,
            "The endpoint's policy admits everybody to everything",
            "the policy of {endpoint} admits everybody to everything",
            _POLICIES,
            fix_forms=NO_TEMPLATE,
            of_audit=True,
        ),
        _code(
            "VPC022",
            "endpoint-unused",
            _INFO,
            Radius.ENDPOINT,
            "No name leads to the endpoint",
            "no name leads to {endpoint}",
            _ENDPOINT,
            fix_forms=NO_TEMPLATE,
            of_audit=True,
        ),
        _code(
            "JOB001",
            "jobs-fail-elsewhere",
            _INFO,
            Radius.ACCOUNT,
            "Backup jobs failed, none of them of this host's kind",
            "{failed} failed in 24 h, and none is of this host's kind",
            _JOBS,
            scope=Scope.RUN,
            fix_forms=NO_TEMPLATE,
            accounts_for_failure=False,
        ),
        _code(
            "JOB002",
            "jobs-fail-here",
            _WARNING,
            Radius.HOST,
            "Backup jobs of this host failed",
            "{failed} of this host failed in 24 h",
            _JOBS,
            scope=Scope.RUN,
            fix_forms=NO_TEMPLATE,
            accounts_for_failure=False,
        ),
        _code(
            "RUN001",
            "incomplete",
            _WARNING,
            Radius.HOST,
            "The run ended early",
            "the run ended after {seconds}: {why}",
            scope=Scope.RUN,
            accounts_for_failure=False,
            fix_forms=NOT_IN_AWS,
        ),
        _code(
            "RUN002",
            "internal-error",
            _WARNING,
            Radius.HOST,
            "A part of backuplink failed",
            "a fault of backuplink itself kept it from {what}",
            scope=Scope.RUN,
            accounts_for_failure=False,
            fix_forms=NOT_IN_AWS,
        ),
        _code(
            "RUN003",
            "unexplained-failure",
            _CRITICAL,
            Radius.HOST,
            "A step failed and no rule says why",
            "{step} failed, and no rule says why[ ({more} more)]",
            scope=Scope.RUN,
            fix_forms=CLI_ALONE,
        ),
    )
}
"""All findings, by code, in the order in which a person would check them."""
