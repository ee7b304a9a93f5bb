"""The catalogue of failures: every known way in which a host loses its path to AWS Backup or Backup gateway, with a
stable id.

The first letter of an id says where the failure is: D names, R routes, S security groups, ACLs and endpoint states, L
this host, T TLS, P proxies, C credentials and clock, E endpoint policies, I IAM and the organisation, K settings of the
SDK and the command line, V IPv6, G partitions, Q limits and the service, W gateways. Each scenario lists the rows that
it shows. Rows that look alike from an instance share a scenario: they differ only in the configuration, which only
reads of EC2 and Route 53 show. `codes` are the findings that come from measurements.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One way in which a host fails."""

    title: str
    codes: tuple[str, ...] = ()
    """A scenario of this row shows at least one of these findings. Empty if the row is not a fault."""
    causes: tuple[str, ...] = ()
    """The findings that name the cause if EC2 can be read. Each of them is in a scenario of the row."""
    no_scenario: str | None = None
    """Why no scenario shows the row."""


def _seen(title: str, *codes: str, causes: tuple[str, ...] = ()) -> Row:
    return Row(title=title, codes=codes, causes=causes)


def _no_fault(title: str) -> Row:
    return Row(title=title)


def _unseen(title: str, reason: str) -> Row:
    return Row(title=title, no_scenario=reason)


CATALOGUE: Final = {
    "D01": _seen("no endpoint in this VPC", "DNS001", causes=("VPC001",)),
    "D02": _seen("the endpoint is there, its private DNS is off", "DNS001", causes=("VPC002",)),
    "D03": _seen("a DNS attribute of the VPC was turned off after private DNS was on", "DNS001", causes=("VPC003",)),
    "D04": _seen("the VPC has no DNS at all", "DNS004", causes=("VPC003",)),
    "D05": _seen("custom name servers that do not forward to the VPC", "DNS002", causes=("VPC011",)),
    "D06": _seen(
        "custom name servers that cannot be reached, or fail", "DNS002", "DNS004", "DNS005", causes=("VPC011",)
    ),
    "D07": _seen("a private hosted zone that lacks the record", "DNS003", causes=("VPC016",)),
    "D08": _seen("a manual record of an endpoint that is gone", "TCP001", "TCP006", "DNS009", causes=("VPC010",)),
    "D09": _unseen(
        "private DNS is refused for a conflicting domain",
        "said by the call that makes the endpoint; an instance sees D01 or D02 afterwards",
    ),
    "D10": _seen("private DNS is refused for the VPC's DNS attributes", "DNS001", causes=("VPC003",)),
    "D11": _seen(
        "a Resolver rule sends the name elsewhere, which answers with public addresses", "DNS001", causes=("VPC015",)
    ),
    "D12": _seen("the target of a Resolver rule is down", "DNS005", "DNS004", causes=("VPC015",)),
    "D13": _seen(
        "DNS Firewall answers without data, or a type of record is asked for that is not there",
        "DNS006",
        causes=("VPC017",),
    ),
    "D14": _seen("the name does not exist, and no private hosted zone says so", "DNS003", "ENV004", causes=("VPC017",)),
    "D15": _seen("DNS Firewall answers with another name", "DNS007", causes=("VPC017",)),
    "D16": _seen("more packets to the VPC's resolver than an instance may send", "ENV013"),
    "D17": _seen("a cache still holds the public answer", "DNS002", "DNS015"),
    "D18": _seen("the system's look-up fails where a direct question is answered", "DNS015"),
    "D19": _seen("the name resolves to this host, or to a stand-in", "DNS010", "ENV009"),
    "D20": _seen("a name server strips private addresses", "DNS002", "DNS006"),
    "D21": _seen("the endpoint is in a peered VPC, and private DNS is for its own", "DNS001", causes=("VPC001",)),
    "D22": _seen("a host on premises that asks public DNS", "ENV012"),
    "D23": _seen("a central endpoint to which there is no route", "TCP001", "DNS009", causes=("VPC007",)),
    "D24": _no_fault("a shared subnet whose endpoint is another account's"),
    "D25": _seen("private DNS covers another name of the service than the one in use", "ENV006"),
    "D26": _seen("IPv6 addresses in the answer that do not work here", "TCP008", "TCP006"),
    "D27": _seen("what fails depends on which address was taken", "TCP002"),
    "D28": _seen("private DNS of the gateway's endpoint hides the names of appliances", "DNS014"),
    "R01": _seen("a more specific route has a target that is gone", "TCP001", "TCP006", causes=("VPC007",)),
    "R02": _seen("no way back across a transit gateway or a peering", "TCP001", "DNS009", causes=("VPC007",)),
    "R03": _seen("a network of containers or of a VPN overlaps with the endpoint's", "TCP010"),
    "R04": _unseen(
        "a packet leaves by one interface with the address of another",
        "a scenario's host has one interface; what the rule says of two is in its own tests",
    ),
    "R05": _seen("it works, and over the public path", "DNS001"),
    "R06": _seen("an inspection VPC passes some ports", "TCP003", causes=("VPC014",)),
    "R07": _seen("on premises: no way to the endpoint, or none back", "TCP001"),
    "R08": _seen("an endpoint of another Region", "API006"),
    "S01": _seen("the endpoint's security group does not allow 443", "TCP001", causes=("VPC005",)),
    "S02": _seen(
        "the endpoint has the VPC's default group, of which this host is not a member", "TCP001", causes=("VPC005",)
    ),
    "S03": _seen("the endpoint's group allows 443, and not the ports of a gateway", "TCP003", causes=("VPC005",)),
    "S04": _seen("the group allows the VPC's first block, and this host is in another", "TCP001", causes=("VPC005",)),
    "S05": _seen(
        "the group allows members of a group that this host is not seen as one of", "TCP001", causes=("VPC005",)
    ),
    "S06": _seen("this host's own group lets nothing out on 443", "TCP001", causes=("VPC012",)),
    "S07": _seen("a network ACL stops what comes from other subnets", "TCP001", "TCP002", causes=("VPC006",)),
    "S08": _seen(
        "a network ACL passes 443 and the high ports, and not those of a gateway", "TCP003", causes=("VPC006",)
    ),
    "S09": _seen("a network ACL denies by an earlier entry", "TCP001", causes=("VPC006",)),
    "S10": _seen(
        "groups or ACLs have no rule for IPv6",
        "TCP008",
        causes=(
            "VPC005",
            "VPC006",
        ),
    ),
    "S11": _unseen(
        "old connections and new ones fare differently after a group was changed",
        "a run makes only new connections; if new connections fail, the case is S01",
    ),
    "S12": _seen("more connections than an instance may track", "ENV013", "TCP009"),
    "S13": _seen("the endpoint is still being made", "TCP001", causes=("VPC004",)),
    "S14": _seen(
        "the endpoint was not accepted, was rejected, or failed", "TCP001", "TCP002", "TCP008", causes=("VPC004",)
    ),
    "L01": _seen("this host's firewall rejects", "TCP005"),
    "L02": _seen("this host's firewall drops", "TCP005", "VPC014", causes=("VPC014",)),
    "L03": _seen("this host's firewall drops what asks the VPC's resolver", "DNS004"),
    "L04": _seen("this host's firewall keeps a user from metadata", "ENV002"),
    "L05": _seen("no source port is left", "TCP011"),
    "L06": _seen("the proxy of a service mesh takes 443", "TLS001", "TLS002"),
    "L07": _unseen("Windows: WinHTTP has another proxy than the environment", "only proxy variables are read"),
    "T01": _seen("TLS is opened on the way", "TLS001", "TLS002"),
    "T02": _seen("Amazon's roots are not trusted here", "TLS008"),
    "T03": _seen("another service's endpoint is at the address", "TLS003"),
    "T04": _no_fault("ports of a gateway show certificates of their own roles"),
    "T05": _seen("the handshake stalls: packet size, or a filter that drops", "TLS004"),
    "T06": _seen("the handshake is cut: a filter by name", "TLS005"),
    "T07": _seen("what answers is not TLS", "TLS006"),
    "T08": _seen("certificates are not valid by this host's clock", "ENV010"),
    "T09": _seen("no TLS version or cipher in common", "TLS009"),
    "T10": _seen("the configured bundle is not there", "TLS008"),
    "T11": _unseen(
        "each connect waits for a revocation check (Windows, Java)", "a check of other clients; this one makes none"
    ),
    "P01": _seen("the proxy is down, refuses, or wants a password", "ENV007", "HTTP003"),
    "P02": _seen("calls leave by a proxy, since no_proxy lacks the endpoint", "ENV007"),
    "P03": _seen("requests for metadata go to a proxy, and no credentials are found", "ENV011"),
    "P04": _seen("the proxy refuses the ports of a gateway, which supports no proxy", "ENV007"),
    "P05": _seen("no_proxy is written as this client does not read it", "ENV007"),
    "P06": _seen("one process has proxy variables, another has none", "ENV007"),
    "P07": _seen("a proxy rewrites what was signed", "API004"),
    "P08": _seen("a page with status 200 in place of AWS", "HTTP001"),
    "P09": _seen("a portal redirects", "HTTP002"),
    "C01": _seen("no role, and no credentials", "API001"),
    "C02": _seen("metadata is a hop too far for a container", "ENV002"),
    "C03": _unseen(
        "metadata answers 401 to a client of its first version", "a run asks by version 2, which is answered"
    ),
    "C04": _seen("metadata is switched off", "ENV003"),
    "C05": _seen("an IPv6-only host does not reach metadata at its IPv4 address", "ENV002"),
    "C06": _seen("keys in the environment or a profile hide the role", "API011"),
    "C07": _seen("a token of the global STS endpoint in a Region to opt in to", "API003"),
    "C08": _seen("a key of another partition", "API003"),
    "C09": _seen("a key that is wrong or was deleted", "API003"),
    "C10": _seen("the session is over", "API002"),
    "C11": _seen("the clock is off, and signatures are refused", "ENV010"),
    "C12": _seen("EC2 alone refuses for the clock", "VPC013", "API005"),
    "C13": _seen("the secret is wrong", "API004"),
    "C14": _seen("STS cannot be reached where a role is to be assumed", "API010"),
    "C15": _seen("SSO or a process for credentials cannot be reached, or fails", "API010"),
    "E01": _seen("the endpoint's policy has no Allow for the call", "IAM001", causes=("VPC008",)),
    "E02": _seen("the gateway's endpoint has a policy for the actions of Backup", "IAM001", causes=("VPC008",)),
    "E03": _seen("the endpoint's policy has a Deny and no Allow at all", "IAM001", causes=("VPC008",)),
    "E04": _seen("the endpoint's policy denies", "IAM002", causes=("VPC008",)),
    "E05": _seen("the endpoint's policy denies by way of the organisation's", "IAM002"),
    "E06": _seen("a condition of the endpoint's policy never holds", "IAM001", causes=("VPC008",)),
    "E07": _seen("a change of the endpoint's policy has not arrived everywhere", "IAM002"),
    "E08": _unseen(
        "a denial that is missing from CloudTrail",
        "what CloudTrail lacks is not seen from an instance; the denial is E01 or E04, throttling Q02",
    ),
    "E09": _unseen(
        "the policy of the endpoint for STS denies", "STS is not a target; where it stops credentials it is C14"
    ),
    "E10": _seen("an Allow for one vault, where the call is for all", "IAM001", causes=("VPC008",)),
    "I01": _seen("the caller's policies do not allow the call", "IAM003"),
    "I02": _seen("a policy wants the endpoint, and the call did not come through it", "DNS001", "IAM003"),
    "I03": _seen("a service control policy", "IAM004"),
    "I04": _seen("a resource control policy", "IAM005"),
    "I05": _seen("a permissions boundary or a session policy", "IAM006", "IAM007"),
    "I06": _seen("a denial without a reason", "IAM009"),
    "I07": _seen("the policy of a vault", "IAM008"),
    "I08": _seen("the account has not opted in", "API008"),
    "I09": _seen("reads of EC2 are denied", "VPC013"),
    "K01": _seen("an endpoint URL for all services", "ENV005"),
    "K02": _unseen(
        "an endpoint URL that the SDK ignores",
        "the SDK calls the default host then, and so does a run: there is nothing to name",
    ),
    "K03": _seen("FIPS in a Region that has none", "ENV006", "DNS003"),
    "K04": _seen("private DNS does not cover the FIPS name", "ENV006"),
    "K05": _seen("private DNS does not cover the dual-stack name", "ENV006"),
    "K06": _seen("FIPS has no effect beside an endpoint URL", "ENV005"),
    "K07": _seen("no Region", "ENV001"),
    "K08": _seen("the Region that is set is not this instance's", "ENV008"),
    "K09": _seen("a Region that does not exist", "ENV014", "DNS003", "ENV004"),
    "K10": _unseen(
        "the SDK waits a minute for each attempt", "a default of the SDK; what it waits for has a finding of its own"
    ),
    "K11": _unseen("the SDK is too old to know the service", "no fault of the path; the report has the version"),
    "K12": _seen("an endpoint URL with http or a path", "ENV005"),
    "K13": _unseen("the first call after a pause dies", "a run makes only new connections"),
    "K14": _seen("settings with which the SDK makes no call", "ENV018"),
    "K15": _seen("this host keeps the process from running", "ENV015"),
    "V01": _seen("IPv6 hangs, IPv4 works", "TCP008"),
    "V02": _seen("an IPv6-only host, and a name with IPv4 addresses alone", "TCP006"),
    "V03": _seen("an address made by DNS64", "DNS012"),
    "V04": _unseen("a dual-stack endpoint is refused", "said by the call that makes the endpoint"),
    "V05": _unseen("a gateway speaks IPv6 and its hypervisor IPv4", "between the appliance and its hypervisor"),
    "G01": _seen("China's ending .cn is missing", "ENV005", "DNS003"),
    "G02": _unseen(
        "the service's name for an endpoint in China lacks its beginning",
        "said by the call that makes the endpoint; an instance sees D01 afterwards",
    ),
    "G03": _seen("a gateway where the service is not offered", "ENV004"),
    "G04": _seen("China's dual-stack ending is another", "ENV005", "ENV006", "DNS003"),
    "G05": _unseen("GovCloud has no FIPS name for STS", "STS is not a target; where it stops credentials it is C14"),
    "G06": _seen("a proxy or a filter knows one partition's ending alone", "ENV007", "HTTP003", "TLS005"),
    "Q01": _seen("small things pass, and large ones stall", "TLS004", "HTTP004", "HTTP006"),
    "Q02": _seen("too many calls", "API007", "VPC013"),
    "Q03": _unseen(
        "the VPC has as many endpoints as it may have",
        "said by the call that makes the endpoint; an instance sees D01 afterwards",
    ),
    "Q04": _seen("AWS answers with a fault of its own", "HTTP005"),
    "Q05": _seen("the endpoint has no subnet in this zone", "VPC009"),
    "Q06": _seen("the endpoint failed for want of addresses", "VPC004"),
    "W01": _seen("activation fails: its port is blocked", "TCP003"),
    "W02": _unseen("no activation key", "between the console's host and the appliance"),
    "W03": _unseen("the gateway appears in another Region", "a parameter of its activation"),
    "W04": _unseen("the activation key is too old", "a parameter of its activation"),
    "W05": _seen("public activation fails beside an endpoint with private DNS", "DNS014"),
    "W06": _seen("backups fail, calls work: the port of data is blocked", "TCP003"),
    "W07": _seen("AWS has not heard of the gateway lately", "API012"),
    "W08": _seen("the clock is off by more than a minute", "ENV010"),
    "W09": _seen("a proxy for a gateway, which supports none", "ENV007"),
    "W10": _seen("AWS Support's channel alone is closed", "TCP007"),
    "W11": _seen(
        "the endpoint allows the appliance's subnet, and not this host", "TCP001", "TCP003", causes=("VPC005",)
    ),
}
