"""Every finding: its code, name, severity and title. The one list; codes are never used twice."""

from enum import StrEnum
from typing import Final

from probes.frozen import dataclass
from probes.masks import Plain


class Severity(StrEnum):
    """How bad a finding is."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 for the worst."""
        return tuple(Severity).index(self)


class Scope(StrEnum):
    """Whose a finding is."""

    RUN = "run"
    RESOLVER = "resolver"
    TARGET = "target"


class Radius(StrEnum):
    """How far the cause of a kind of finding reaches as a rule: the hosts that have the same thing at fault. A fault on
    many hosts is fixed where it reaches that far, not on each of them."""

    HOST = "host"
    """This host alone: its settings, files, clock, kernel or credentials, or what was measured on it as its own."""
    SUBNET = "subnet"
    """The hosts of its subnet, by a route table, a network ACL or DNS64."""
    ENDPOINT = "endpoint"
    """The hosts that use the endpoint: its interfaces, groups, state or policy."""
    VPC = "vpc"
    """The hosts of the VPC, or of part of it that EC2 does not bound by a subnet: what answers names, what is on the
    way, a security group of hosts."""
    ACCOUNT = "account"
    """The hosts of the account, in all of its VPCs: roles, policies of IAM and of the organisation, quotas, what is
    shared with it, and the service itself."""


class Layer(StrEnum):
    """What a kind of finding is about. The value is how its codes begin."""

    HOST = "ENV"
    NAME = "DNS"
    CONNECTION = "TCP"
    TLS = "TLS"
    HTTP = "HTTP"
    CALL = "API"
    POLICY = "IAM"
    CONFIGURATION = "VPC"
    """What EC2 and Route 53 say, as against what was measured."""
    JOB = "JOB"
    """Jobs of AWS Backup, which the account has, whatever this host's path is like."""
    RUN = "RUN"


class FixForm(StrEnum):
    """In what form a page of `explain` gives a fix in AWS."""

    CONSOLE = "a console path"
    CLI = "an AWS CLI command"
    TEMPLATE = "a CloudFormation block"


ALL_FORMS: Final = frozenset(FixForm)
"""The fix is configuration of AWS that a template holds."""
NO_TEMPLATE: Final = frozenset({FixForm.CONSOLE, FixForm.CLI})
"""No block: one property of a resource that stands elsewhere, which the page then names, or what no template holds:
keys, sessions, opting in, quotas, appliances, another service's fault, whose address it is."""
CLI_ALONE: Final = frozenset({FixForm.CLI})
"""Nothing in the console: the CLI writes the profile of this host, or makes the failed call once more."""
NOT_IN_AWS: Final = frozenset[FixForm]()
"""Nothing of AWS's: the cause is on this host, in its proxy, in the settings of the programs or in the run itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A page that a person can open elsewhere."""

    title: Plain
    url: Plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A kind of finding, and how it stands to others."""

    code: str
    name: str
    severity: Severity
    radius: Radius
    title: str
    scope: Scope = Scope.TARGET
    documents: tuple[Document, ...] = ()
    fix_forms: frozenset[FixForm] = ALL_FORMS
    """In what forms its page gives the fix; the page has these and no others."""
    accounts_for_failure: bool = True
    """Whether a failed step in its evidence counts as named. False where the finding shows failures and gives no
    reason for them: what was not measured is not well for it, and a clock is read from every answer, whatever else is
    wrong with that."""
    needs_symptom: bool = False
    """Whether it is reported only where it explains something that was measured, and then as bad as that. Such a
    finding names a cause in the configuration and is no fault by itself."""
    severity_from_symptoms: bool = False
    """Whether it is as bad as what it explains, otherwise as what else was measured where it shows, otherwise
    information: an endpoint that is not available harms a host only where that host meets it."""
    is_partial: bool = False
    """Whether it is a fault of some addresses or ports next to others that work: the choice of a host name causes none
    of them."""
    of_this_host: bool = False
    """Whether it is a fault of this host's own at an address, which neither an answer of a name server nor what is
    there causes. False where a rule decides that for each finding."""
    leaves_status_unknown: bool = False
    """Whether nothing can be proven while it stands, so that the verdict is unknown where it is not worse."""

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
    *documents: Document,
    scope: Scope = Scope.TARGET,
    fix_forms: frozenset[FixForm] = ALL_FORMS,
    accounts_for_failure: bool = True,
    needs_symptom: bool = False,
    severity_from_symptoms: bool = False,
    is_partial: bool = False,
    of_this_host: bool = False,
    leaves_status_unknown: bool = False,
) -> Code:
    return Code(
        code=code,
        name=name,
        severity=severity,
        radius=radius,
        title=title,
        scope=scope,
        documents=documents,
        fix_forms=fix_forms,
        accounts_for_failure=accounts_for_failure,
        needs_symptom=needs_symptom,
        severity_from_symptoms=severity_from_symptoms,
        is_partial=is_partial,
        of_this_host=of_this_host,
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
            _NETWORK,
            fix_forms=NO_TEMPLATE,
        ),
        _code(
            "ENV005",
            "sdk-endpoint-overridden",
            _WARNING,
            Radius.HOST,
            "SDK settings send calls to another URL",
            _SDK_ENDPOINTS,
            fix_forms=NO_TEMPLATE,
        ),
        _code(
            "ENV006",
            "sdk-host-not-covered",
            _WARNING,
            Radius.VPC,
            "Private DNS covers another name than the SDK calls",
            _CONFIGURE,
        ),
        _code(
            "ENV007",
            "proxy-captures-endpoint",
            _CRITICAL,
            Radius.HOST,
            "A proxy takes the calls off the private path",
            _PROXY,
            fix_forms=NOT_IN_AWS,
        ),
        _code(
            "ENV008",
            "region-mismatch",
            _WARNING,
            Radius.HOST,
            "The configured Region is not the instance's",
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
            fix_forms=NOT_IN_AWS,
        ),
        _code(
            "ENV010",
            "clock-skew",
            _WARNING,
            Radius.HOST,
            "This host's clock is wrong",
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
            _PROXY,
            scope=Scope.RUN,
            fix_forms=NOT_IN_AWS,
        ),
        _code(
            "ENV012", "outside-vpc", _INFO, Radius.HOST, "This host seems to be outside AWS", _RESOLVER, scope=Scope.RUN
        ),
        _code(
            "ENV013",
            "allowance-exceeded",
            _WARNING,
            Radius.HOST,
            "The instance's network allowance was exceeded",
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
            scope=Scope.RUN,
            fix_forms=NOT_IN_AWS,
        ),
        _code(
            "ENV017",
            "workload-agent-overrides",
            _WARNING,
            Radius.HOST,
            "The workload's own settings lead elsewhere, or were not read",
            scope=Scope.RUN,
            fix_forms=NOT_IN_AWS,
        ),
        _code(
            "ENV018",
            "sdk-settings-unusable",
            _CRITICAL,
            Radius.HOST,
            "The SDK's settings on this host cannot be used",
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
            _RESOLVER,
            _DNS,
        ),
        _code("DNS003", "name-does-not-exist", _CRITICAL, Radius.VPC, "The name does not exist", _ZONES, _NETWORK),
        _code(
            "DNS004",
            "resolver-silent",
            _CRITICAL,
            Radius.VPC,
            "Lookups of this host get no answer in time",
            _DNS,
            _RESOLVER,
            scope=Scope.RESOLVER,
            fix_forms=NO_TEMPLATE,
        ),
        _code("DNS005", "resolver-servfail", _CRITICAL, Radius.VPC, "The name server fails to answer", _RESOLVER),
        _code("DNS006", "empty-answer", _CRITICAL, Radius.VPC, "The name has no address", _ZONES),
        _code(
            "DNS007",
            "answer-redirected",
            _WARNING,
            Radius.VPC,
            "The name has a CNAME outside the service's own names",
            _FIREWALL,
        ),
        _code("DNS008", "mixed-answer", _CRITICAL, Radius.VPC, "One answer holds private and public addresses", _ZONES),
        _code(
            "DNS009", "answer-outside-vpc", _INFO, Radius.VPC, "The private addresses lie outside this VPC", _ENDPOINT
        ),
        _code(
            "DNS010",
            "bogus-address",
            _CRITICAL,
            Radius.VPC,
            "The name resolves to an address that no endpoint has",
            fix_forms=NOT_IN_AWS,
        ),
        _code(
            "DNS011",
            "public-ipv6-beside-private-ipv4",
            _WARNING,
            Radius.VPC,
            "The name is private by IPv4 and public by IPv6",
            _CONFIGURE,
            fix_forms=NO_TEMPLATE,
        ),
        _code("DNS012", "nat64-answer", _WARNING, Radius.SUBNET, "Traffic goes through NAT64", _CONFIGURE),
        _code("DNS013", "resolver-refused", _CRITICAL, Radius.VPC, "The name server refuses to answer", _RESOLVER),
        _code(
            "DNS014",
            "appliance-names-shadowed",
            _INFO,
            Radius.VPC,
            "Private DNS hides the names that a gateway appliance uses",
            _GATEWAY,
            fix_forms=NO_TEMPLATE,
        ),
        _code(
            "DNS015",
            "system-lookup-differs",
            _WARNING,
            Radius.HOST,
            "Programs on this host get another answer than the name servers give",
            fix_forms=NOT_IN_AWS,
        ),
        _code(
            "DNS016",
            "resolver-degraded",
            _WARNING,
            Radius.VPC,
            "One of the name servers stalls",
            _RESOLVER,
            scope=Scope.RESOLVER,
        ),
        _code(
            "DNS017",
            "answer-beyond-reason",
            _CRITICAL,
            Radius.VPC,
            "The name has more addresses than any endpoint can have",
            _ENDPOINT,
            fix_forms=NO_TEMPLATE,
        ),
        _code(
            "DNS018",
            "search-list-answers",
            _CRITICAL,
            Radius.HOST,
            "A search domain comes in place of the name itself",
            fix_forms=NOT_IN_AWS,
        ),
        _code(
            "DNS019",
            "dns-over-tcp-blocked",
            _CRITICAL,
            Radius.VPC,
            "DNS needs TCP port 53 here, and it is closed",
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
            _CONFIGURE,
            fix_forms=NO_TEMPLATE,
        ),
        _code("TCP001", "port-blocked", _CRITICAL, Radius.ENDPOINT, "Port 443 is silent", _ENDPOINT, _GROUPS),
        _code(
            "TCP002",
            "zone-silent",
            _CRITICAL,
            Radius.ENDPOINT,
            "Some of the endpoint's addresses do not answer",
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
            _ENDPOINT,
            fix_forms=NO_TEMPLATE,
        ),
        _code(
            "TCP005",
            "blocked-on-this-host",
            _CRITICAL,
            Radius.HOST,
            "This host itself blocks the connection",
            of_this_host=True,
            fix_forms=NOT_IN_AWS,
        ),
        _code("TCP006", "no-route", _CRITICAL, Radius.SUBNET, "There is no route to the address", _ROUTES),
        _code(
            "TCP007",
            "support-port-blocked",
            _INFO,
            Radius.ENDPOINT,
            "The port of AWS Support's channel is closed",
            _GATEWAY,
            is_partial=True,
        ),
        _code(
            "TCP008",
            "ipv6-path-broken",
            _WARNING,
            Radius.ENDPOINT,
            "Addresses of one family do not connect",
            _CONFIGURE,
            is_partial=True,
        ),
        _code(
            "TCP009",
            "lossy-path",
            _WARNING,
            Radius.HOST,
            "Connects needed more than one try",
            _ALLOWANCE,
            fix_forms=NO_TEMPLATE,
        ),
        _code(
            "TCP010",
            "wrong-interface",
            _WARNING,
            Radius.HOST,
            "The way to the endpoint leaves by another interface",
            of_this_host=True,
            fix_forms=NOT_IN_AWS,
        ),
        _code(
            "TCP011",
            "no-source-port",
            _CRITICAL,
            Radius.HOST,
            "This host has no free source port",
            of_this_host=True,
            fix_forms=NOT_IN_AWS,
        ),
        _code(
            "TCP012",
            "idle-flow-cut",
            _INFO,
            Radius.HOST,
            "TCP keepalive starts after an idle connection is forgotten",
            scope=Scope.RUN,
            fix_forms=NOT_IN_AWS,
        ),
        _code("TLS001", "intercepted", _CRITICAL, Radius.VPC, "The certificate is not Amazon's: TLS is intercepted"),
        _code(
            "TLS002", "trusted-interception", _WARNING, Radius.VPC, "An authority that this host trusts decrypts TLS"
        ),
        _code("TLS003", "wrong-host", _CRITICAL, Radius.VPC, "A genuine certificate for another name", _CONFIGURE),
        _code(
            "TLS004", "handshake-stalls", _CRITICAL, Radius.VPC, "The TLS handshake stalls", _MTU, fix_forms=NOT_IN_AWS
        ),
        _code("TLS005", "handshake-reset", _CRITICAL, Radius.VPC, "The connection is cut right after the ClientHello"),
        _code(
            "TLS006",
            "not-tls",
            _CRITICAL,
            Radius.VPC,
            "Something that is not TLS answers on the port",
            fix_forms=NO_TEMPLATE,
        ),
        _code(
            "TLS007",
            "certificate-time",
            _CRITICAL,
            Radius.HOST,
            "The certificate is not valid at this host's time",
            _CLOCK,
            fix_forms=NOT_IN_AWS,
        ),
        _code(
            "TLS008",
            "trust-store-broken",
            _CRITICAL,
            Radius.HOST,
            "This host's trusted certificates lack Amazon's",
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
            fix_forms=NO_TEMPLATE,
        ),
        _code(
            "TLS010",
            "chain-incomplete",
            _CRITICAL,
            Radius.VPC,
            "The server sends its certificate without the intermediate",
            _TRUST,
            fix_forms=CLI_ALONE,
        ),
        _code("HTTP001", "not-aws", _CRITICAL, Radius.VPC, "Something other than AWS answers", fix_forms=NO_TEMPLATE),
        _code(
            "HTTP002",
            "redirected",
            _CRITICAL,
            Radius.VPC,
            "The answer sends the client elsewhere",
            fix_forms=NO_TEMPLATE,
        ),
        _code(
            "HTTP003",
            "proxy-failed",
            _CRITICAL,
            Radius.VPC,
            "The proxy does not let the calls through",
            _PROXY,
            fix_forms=NOT_IN_AWS,
        ),
        _code(
            "HTTP004",
            "no-answer",
            _CRITICAL,
            Radius.VPC,
            "TLS is up and no HTTP answer comes",
            _MTU,
            fix_forms=NOT_IN_AWS,
        ),
        _code(
            "HTTP005",
            "service-fault",
            _WARNING,
            Radius.ACCOUNT,
            "AWS itself answers with a fault",
            fix_forms=NO_TEMPLATE,
        ),
        _code(
            "HTTP006",
            "large-request-stalls",
            _CRITICAL,
            Radius.VPC,
            "Large requests are lost on the way out",
            _MTU,
            fix_forms=NOT_IN_AWS,
        ),
        _code(
            "API001",
            "no-credentials",
            _WARNING,
            Radius.HOST,
            "No credentials to sign with",
            _CREDENTIALS,
            scope=Scope.RUN,
        ),
        _code(
            "API002",
            "credentials-expired",
            _CRITICAL,
            Radius.HOST,
            "The credentials have expired",
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
            _SIGNING,
            fix_forms=NO_TEMPLATE,
        ),
        _code(
            "API005",
            "clock-rejected",
            _CRITICAL,
            Radius.HOST,
            "AWS refuses the call because of its time",
            _CLOCK,
            fix_forms=NOT_IN_AWS,
        ),
        _code(
            "API006",
            "wrong-scope",
            _CRITICAL,
            Radius.HOST,
            "The call is signed for the wrong Region or service",
            _SIGNING,
            fix_forms=NO_TEMPLATE,
        ),
        _code(
            "API007", "throttled", _WARNING, Radius.ACCOUNT, "AWS asks for fewer calls", _ERRORS, fix_forms=NO_TEMPLATE
        ),
        _code(
            "API008",
            "not-subscribed",
            _CRITICAL,
            Radius.ACCOUNT,
            "The account or the Region has to opt in",
            _ERRORS,
            fix_forms=NO_TEMPLATE,
        ),
        _code(
            "API009",
            "authorization-stripped",
            _CRITICAL,
            Radius.VPC,
            "A signed call is answered as an unsigned one",
            _SIGNING,
            fix_forms=NO_TEMPLATE,
        ),
        _code(
            "API010",
            "credential-source-failed",
            _WARNING,
            Radius.HOST,
            "A configured source of credentials fails",
            _CREDENTIALS,
            scope=Scope.RUN,
        ),
        _code(
            "API011",
            "role-shadowed",
            _INFO,
            Radius.HOST,
            "Other credentials hide the instance's role",
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
            _GATEWAY,
            fix_forms=NO_TEMPLATE,
        ),
        _code(
            "IAM001",
            "endpoint-policy-silent",
            _CRITICAL,
            Radius.ENDPOINT,
            "No VPC endpoint policy allows the call",
            _POLICY,
        ),
        _code(
            "IAM002",
            "endpoint-policy-denies",
            _CRITICAL,
            Radius.ENDPOINT,
            "A VPC endpoint policy denies the call",
            _POLICY,
            fix_forms=NO_TEMPLATE,
        ),
        _code(
            "IAM003", "identity-policy", _WARNING, Radius.ACCOUNT, "An identity-based policy denies the call", _DENIED
        ),
        _code(
            "IAM004",
            "service-control-policy",
            _WARNING,
            Radius.ACCOUNT,
            "A service control policy denies the call",
            _DENIED,
        ),
        _code(
            "IAM005",
            "resource-control-policy",
            _WARNING,
            Radius.ACCOUNT,
            "A resource control policy denies the call",
            _DENIED,
        ),
        _code(
            "IAM006",
            "permissions-boundary",
            _WARNING,
            Radius.ACCOUNT,
            "A permissions boundary denies the call",
            _DENIED,
            fix_forms=NO_TEMPLATE,
        ),
        _code(
            "IAM007",
            "session-policy",
            _WARNING,
            Radius.ACCOUNT,
            "A session policy denies the call",
            _DENIED,
            fix_forms=NO_TEMPLATE,
        ),
        _code(
            "IAM008",
            "resource-policy",
            _WARNING,
            Radius.ACCOUNT,
            "A resource-based policy denies the call",
            _DENIED,
            fix_forms=NO_TEMPLATE,
        ),
        _code(
            "IAM009",
            "denied-without-reason",
            _WARNING,
            Radius.ACCOUNT,
            "AWS denies the call and does not say which policy",
            _DENIED,
            fix_forms=NO_TEMPLATE,
        ),
        _code(
            "VPC001",
            "endpoint-missing",
            _CRITICAL,
            Radius.VPC,
            "This VPC has no endpoint of the service",
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
            _CONFIGURE,
            _DNS,
            needs_symptom=True,
        ),
        _code(
            "VPC003",
            "vpc-dns-attributes-off",
            _CRITICAL,
            Radius.VPC,
            "DNS is switched off in the VPC's attributes",
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
            _ACLS,
            needs_symptom=True,
        ),
        _code(
            "VPC007",
            "route-blocks",
            _CRITICAL,
            Radius.SUBNET,
            "The routes do not reach the endpoint",
            _ROUTES,
            needs_symptom=True,
        ),
        _code(
            "VPC008",
            "endpoint-policy-would-deny",
            _CRITICAL,
            Radius.ENDPOINT,
            "The endpoint's policy does not allow the call",
            _POLICY,
            needs_symptom=True,
        ),
        _code(
            "VPC009",
            "zone-not-covered",
            _INFO,
            Radius.ENDPOINT,
            "The endpoint has no subnet in this instance's zone",
            _ENDPOINT,
            fix_forms=NO_TEMPLATE,
        ),
        _code(
            "VPC010",
            "stale-answer",
            _CRITICAL,
            Radius.VPC,
            "The name resolves to addresses that the endpoint does not have",
            _ZONES,
            needs_symptom=True,
        ),
        _code(
            "VPC011",
            "custom-resolver",
            _CRITICAL,
            Radius.VPC,
            "The VPC's DHCP options give custom name servers",
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
            _GROUPS,
            needs_symptom=True,
        ),
        _code(
            "VPC013",
            "cannot-inspect",
            _INFO,
            Radius.ACCOUNT,
            "The configuration could not be read",
            _INSPECTING,
            scope=Scope.RUN,
        ),
        _code(
            "VPC014",
            "prediction-differs",
            _WARNING,
            Radius.VPC,
            "Measurement and configuration contradict each other",
            _REACHABILITY,
            fix_forms=NO_TEMPLATE,
        ),
        _code(
            "VPC015",
            "resolver-rule-forwards",
            _CRITICAL,
            Radius.VPC,
            "A Resolver rule sends the name to other servers",
            _RESOLVER,
            needs_symptom=True,
        ),
        _code(
            "VPC016",
            "private-zone-shadows",
            _CRITICAL,
            Radius.VPC,
            "A private hosted zone answers for the name",
            _ZONES,
            needs_symptom=True,
        ),
        _code(
            "VPC017",
            "dns-firewall-blocks",
            _CRITICAL,
            Radius.VPC,
            "A DNS Firewall rule stops the name",
            _FIREWALL,
            needs_symptom=True,
        ),
        _code(
            "VPC018",
            "profile-brings",
            _CRITICAL,
            Radius.ACCOUNT,
            "A Route 53 Profile brings what answers for the name",
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
            _GATEWAY_ENDPOINTS,
            needs_symptom=True,
        ),
        _code(
            "JOB001",
            "jobs-fail-elsewhere",
            _INFO,
            Radius.ACCOUNT,
            "Backup jobs failed, none of them of this host's kind",
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
            scope=Scope.RUN,
            fix_forms=CLI_ALONE,
        ),
    )
}
"""By code, in the order of thought."""
