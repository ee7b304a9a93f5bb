"""Every finding: its code, name, severity and title. The one list; codes are never used twice."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A page that a person can open elsewhere."""

    title: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A kind of finding."""

    code: str
    name: str
    severity: Severity
    title: str
    scope: Scope = Scope.TARGET
    documents: tuple[Document, ...] = ()


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
_GROUPS: Final = Document(
    title="Amazon VPC User Guide: Security groups for your VPC",
    url=f"{_DOCS}/vpc/latest/userguide/vpc-security-groups.html",
)
_ROUTES: Final = Document(
    title="Amazon VPC User Guide: Configure route tables",
    url=f"{_DOCS}/vpc/latest/userguide/VPC_Route_Tables.html",
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

CODES: Final = {
    each.code: each
    for each in (
        Code(
            code="ENV001",
            name="region-unknown",
            severity=_WARNING,
            title="No Region is set",
            scope=Scope.RUN,
            documents=(_SDK,),
        ),
        Code(
            code="ENV002",
            name="metadata-unreachable",
            severity=_WARNING,
            title="The instance metadata service does not answer",
            scope=Scope.RUN,
            documents=(_IMDS,),
        ),
        Code(
            code="ENV003",
            name="metadata-disabled",
            severity=_WARNING,
            title="The instance metadata service says no",
            scope=Scope.RUN,
            documents=(_IMDS,),
        ),
        Code(
            code="ENV004",
            name="service-not-offered",
            severity=_CRITICAL,
            title="The service is not offered in this Region",
            documents=(_NETWORK,),
        ),
        Code(
            code="ENV005",
            name="sdk-endpoint-overridden",
            severity=_WARNING,
            title="SDK settings send calls to another URL",
            documents=(_SDK_ENDPOINTS,),
        ),
        Code(
            code="ENV006",
            name="sdk-host-not-covered",
            severity=_WARNING,
            title="Private DNS covers another name than the SDK calls",
            documents=(_CONFIGURE,),
        ),
        Code(
            code="ENV007",
            name="proxy-captures-endpoint",
            severity=_CRITICAL,
            title="A proxy takes the calls off the private path",
            documents=(_PROXY,),
        ),
        Code(
            code="ENV008",
            name="region-mismatch",
            severity=_WARNING,
            title="The Region that is set is not the instance's",
            scope=Scope.RUN,
            documents=(_SDK,),
        ),
        Code(
            code="ENV010",
            name="clock-skew",
            severity=_WARNING,
            title="This host's clock is wrong",
            scope=Scope.RUN,
            documents=(_CLOCK,),
        ),
        Code(
            code="ENV011",
            name="proxy-captures-metadata",
            severity=_WARNING,
            title="A proxy takes requests for instance metadata",
            scope=Scope.RUN,
            documents=(_PROXY,),
        ),
        Code(
            code="ENV012",
            name="outside-vpc",
            severity=_INFO,
            title="This host is taken to be outside AWS",
            scope=Scope.RUN,
            documents=(_RESOLVER,),
        ),
        Code(
            code="DNS001",
            name="public-answer",
            severity=_CRITICAL,
            title="The name resolves to public addresses: private DNS is not in effect",
            documents=(_NETWORK, _CONFIGURE, _DNS),
        ),
        Code(
            code="DNS002",
            name="resolvers-disagree",
            severity=_CRITICAL,
            title="This host's name servers and the VPC's resolver disagree",
            documents=(_RESOLVER, _DNS),
        ),
        Code(
            code="DNS003",
            name="name-does-not-exist",
            severity=_CRITICAL,
            title="The name does not exist",
            documents=(_ZONES, _NETWORK),
        ),
        Code(
            code="DNS004",
            name="resolver-silent",
            severity=_CRITICAL,
            title="No name server of this host answers",
            scope=Scope.RESOLVER,
            documents=(_DNS, _RESOLVER),
        ),
        Code(
            code="DNS005",
            name="resolver-servfail",
            severity=_CRITICAL,
            title="The name server fails to answer",
            documents=(_RESOLVER,),
        ),
        Code(
            code="DNS006",
            name="empty-answer",
            severity=_CRITICAL,
            title="The name has no address",
            documents=(_ZONES,),
        ),
        Code(
            code="DNS008",
            name="mixed-answer",
            severity=_CRITICAL,
            title="One answer holds private and public addresses",
            documents=(_ZONES,),
        ),
        Code(
            code="DNS010",
            name="bogus-address",
            severity=_CRITICAL,
            title="The name resolves to an address that no endpoint has",
        ),
        Code(
            code="DNS011",
            name="public-ipv6-beside-private-ipv4",
            severity=_WARNING,
            title="The name is private by IPv4 and public by IPv6",
            documents=(_CONFIGURE,),
        ),
        Code(
            code="DNS012",
            name="nat64-answer",
            severity=_WARNING,
            title="Traffic goes through NAT64",
            documents=(_CONFIGURE,),
        ),
        Code(
            code="DNS013",
            name="resolver-refused",
            severity=_CRITICAL,
            title="The name server refuses to answer",
            documents=(_RESOLVER,),
        ),
        Code(
            code="TCP001",
            name="port-blocked",
            severity=_CRITICAL,
            title="Port 443 is silent",
            documents=(_ENDPOINT, _GROUPS),
        ),
        Code(
            code="TCP002",
            name="zone-silent",
            severity=_CRITICAL,
            title="Some of the endpoint's addresses do not answer",
            documents=(_ENDPOINT, _GROUPS),
        ),
        Code(
            code="TCP003",
            name="gateway-ports-blocked",
            severity=_CRITICAL,
            title="Backup gateway's own ports are closed",
            documents=(_NETWORK, _GATEWAY),
        ),
        Code(
            code="TCP004",
            name="refused-by-peer",
            severity=_CRITICAL,
            title="The connection is refused on the way or at its end",
            documents=(_ENDPOINT,),
        ),
        Code(
            code="TCP005",
            name="blocked-on-this-host",
            severity=_CRITICAL,
            title="This host itself blocks the connection",
        ),
        Code(
            code="TCP006",
            name="no-route",
            severity=_CRITICAL,
            title="There is no way to the address",
            documents=(_ROUTES,),
        ),
        Code(
            code="TCP007",
            name="support-port-blocked",
            severity=_WARNING,
            title="The port of AWS Support's channel is closed",
            documents=(_GATEWAY,),
        ),
        Code(
            code="TCP008",
            name="ipv6-path-broken",
            severity=_WARNING,
            title="One address family does not connect",
            documents=(_CONFIGURE,),
        ),
        Code(
            code="TCP011",
            name="no-source-port",
            severity=_CRITICAL,
            title="This host has no free source port",
        ),
        Code(
            code="TLS001",
            name="intercepted",
            severity=_CRITICAL,
            title="Somebody else's certificate: TLS is intercepted",
        ),
        Code(
            code="TLS002",
            name="trusted-interception",
            severity=_WARNING,
            title="TLS is opened by an authority that this host trusts",
        ),
        Code(
            code="TLS003",
            name="wrong-host",
            severity=_CRITICAL,
            title="A genuine certificate for another name",
            documents=(_CONFIGURE,),
        ),
        Code(
            code="TLS004",
            name="handshake-stalls",
            severity=_CRITICAL,
            title="The TLS handshake stalls",
            documents=(_MTU,),
        ),
        Code(
            code="TLS006",
            name="not-tls",
            severity=_CRITICAL,
            title="Something that is not TLS answers on the port",
        ),
        Code(
            code="TLS007",
            name="certificate-time",
            severity=_CRITICAL,
            title="The certificate is not valid at this host's time",
            documents=(_CLOCK,),
        ),
        Code(
            code="TLS008",
            name="trust-store-broken",
            severity=_CRITICAL,
            title="This host's trusted certificates lack Amazon's",
            documents=(_TRUST,),
        ),
        Code(
            code="HTTP001",
            name="not-aws",
            severity=_CRITICAL,
            title="Somebody else answers in place of AWS",
        ),
        Code(
            code="HTTP002",
            name="redirected",
            severity=_CRITICAL,
            title="The answer sends the client elsewhere",
        ),
        Code(
            code="HTTP003",
            name="proxy-failed",
            severity=_CRITICAL,
            title="The proxy does not let the calls through",
            documents=(_PROXY,),
        ),
        Code(
            code="HTTP004",
            name="no-answer",
            severity=_CRITICAL,
            title="TLS is up and no HTTP answer comes",
            documents=(_MTU,),
        ),
        Code(
            code="HTTP005",
            name="service-fault",
            severity=_WARNING,
            title="AWS itself answers with a fault",
        ),
        Code(
            code="HTTP006",
            name="large-request-stalls",
            severity=_CRITICAL,
            title="Large requests are lost on the way out",
            documents=(_MTU,),
        ),
        Code(
            code="API001",
            name="no-credentials",
            severity=_WARNING,
            title="No credentials to sign with",
            scope=Scope.RUN,
            documents=(_CREDENTIALS,),
        ),
        Code(
            code="API002",
            name="credentials-expired",
            severity=_CRITICAL,
            title="The credentials have expired",
            scope=Scope.RUN,
            documents=(_CREDENTIALS,),
        ),
        Code(
            code="API003",
            name="credentials-rejected",
            severity=_CRITICAL,
            title="AWS rejects the credentials",
            scope=Scope.RUN,
            documents=(_CREDENTIALS,),
        ),
        Code(
            code="API004",
            name="signature-rejected",
            severity=_CRITICAL,
            title="The signature does not match",
            documents=(_SIGNING,),
        ),
        Code(
            code="API005",
            name="clock-rejected",
            severity=_CRITICAL,
            title="AWS refuses the call for its time",
            documents=(_CLOCK,),
        ),
        Code(
            code="API006",
            name="wrong-scope",
            severity=_CRITICAL,
            title="The call is signed for another Region or service",
            documents=(_SIGNING,),
        ),
        Code(
            code="API007",
            name="throttled",
            severity=_WARNING,
            title="AWS asks for fewer calls",
            documents=(_ERRORS,),
        ),
        Code(
            code="API008",
            name="not-subscribed",
            severity=_CRITICAL,
            title="The account or the Region has to opt in",
            documents=(_ERRORS,),
        ),
        Code(
            code="API009",
            name="authorization-stripped",
            severity=_CRITICAL,
            title="A signed call is answered as an unsigned one",
            documents=(_SIGNING,),
        ),
        Code(
            code="API010",
            name="credential-source-failed",
            severity=_WARNING,
            title="A configured source of credentials fails",
            scope=Scope.RUN,
            documents=(_CREDENTIALS,),
        ),
        Code(
            code="IAM001",
            name="endpoint-policy-silent",
            severity=_CRITICAL,
            title="No VPC endpoint policy allows the call",
            documents=(_POLICY,),
        ),
        Code(
            code="IAM002",
            name="endpoint-policy-denies",
            severity=_CRITICAL,
            title="A VPC endpoint policy denies the call",
            documents=(_POLICY,),
        ),
        Code(
            code="IAM003",
            name="identity-policy",
            severity=_WARNING,
            title="An identity-based policy denies the call",
            documents=(_DENIED,),
        ),
        Code(
            code="IAM004",
            name="service-control-policy",
            severity=_WARNING,
            title="A service control policy denies the call",
            documents=(_DENIED,),
        ),
        Code(
            code="IAM005",
            name="resource-control-policy",
            severity=_WARNING,
            title="A resource control policy denies the call",
            documents=(_DENIED,),
        ),
        Code(
            code="IAM006",
            name="permissions-boundary",
            severity=_WARNING,
            title="A permissions boundary denies the call",
            documents=(_DENIED,),
        ),
        Code(
            code="IAM007",
            name="session-policy",
            severity=_WARNING,
            title="A session policy denies the call",
            documents=(_DENIED,),
        ),
        Code(
            code="IAM008",
            name="resource-policy",
            severity=_WARNING,
            title="A resource-based policy denies the call",
            documents=(_DENIED,),
        ),
        Code(
            code="IAM009",
            name="denied-without-reason",
            severity=_WARNING,
            title="AWS denies the call and does not say which policy",
            documents=(_DENIED,),
        ),
        Code(
            code="RUN001",
            name="incomplete",
            severity=_WARNING,
            title="The run ended early",
            scope=Scope.RUN,
        ),
        Code(
            code="RUN002",
            name="internal-error",
            severity=_WARNING,
            title="A part of backuplink failed by its own fault",
            scope=Scope.RUN,
        ),
        Code(
            code="RUN003",
            name="unexplained-failure",
            severity=_CRITICAL,
            title="A step failed and no rule says why",
            scope=Scope.RUN,
        ),
    )
}
