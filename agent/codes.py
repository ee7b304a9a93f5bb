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

_CRITICAL, _WARNING = Severity.CRITICAL, Severity.WARNING

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
            code="TLS001",
            name="intercepted",
            severity=_CRITICAL,
            title="Somebody else's certificate: TLS is intercepted",
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
