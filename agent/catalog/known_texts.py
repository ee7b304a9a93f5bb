"""Texts that the software around AWS Backup writes when a call fails, and the findings that can cause each.

One record is one text of one program. A pattern is the text itself, compared without regard to case, with these
variable parts: `...` stands for anything, `{host}` for a DNS name, `{peer}` for an address with its port, `{address}`
for an address alone, and `{word}` for characters without a space. `agent.catalog.text_search` searches lines for them.
"""

from enum import IntEnum, StrEnum
from typing import Final

from probes.frozen import dataclass


class Certainty(StrEnum):
    """How certain the meaning of a text is."""

    CERTAIN = "certain"
    """A document of AWS, or the code that writes the text, was read for this table."""
    DOCUMENTED = "documented"
    """A document gives this meaning, but the document is old or was not read again."""
    REPORTED = "reported"
    """Users report this text."""


class Nearness(IntEnum):
    """How near a text is to the cause. If a line has several texts, the text that is nearest to the cause is shown
    first."""

    REASON = 0
    """The text says why."""
    FAILURE = 1
    """The text says which step of a connection or call failed."""
    CONSEQUENCE = 2
    """The text only says what did not work because of a failure."""


class Team(StrEnum):
    """The people who can act on the message of a job."""

    HOST = "the team that runs the host or the gateway"
    ROLE = "the owners of the job's role"
    VAULT = "the owners of the vault"
    KEY = "the owners of the KMS key"
    PLAN = "the team that plans the backups"
    ORGANISATION = "the administrators of the organisation"


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownText:
    """A text in a log, and what can cause it."""

    id: str
    writer: str
    """The software that writes the text."""
    patterns: tuple[str, ...]
    means: str
    """The meaning in one sentence."""
    codes: tuple[str, ...] = ()
    """Codes of findings that can cause the text; the most likely first."""
    services: tuple[str, ...] = ()
    """Services whose path a check must cover. If a line has the host of another service, this service is also
    checked."""
    has_network_cause: bool = True
    """Whether the path to AWS can be involved. If not, there are no codes."""
    nearness: Nearness = Nearness.FAILURE
    team: Team | None = None
    """The people who must act if the text is in the message of a job; None if the text is not in messages of jobs."""
    needs_failure: bool = False
    """Whether the text counts only in a line that also has the text of a failed connection or lookup."""
    yields: bool = False
    """Whether the text is ignored in a line that has another text with the same nearness to the cause."""
    advice: str = ""
    """Advice in addition to a check, or in place of a check."""
    unless: tuple[str, ...] = ()
    """Other texts. If a line has one of them, this record is ignored, since another record covers the line."""
    source: str
    """Title of the page, thread or code that is the source."""
    certainty: Certainty

    @property
    def is_of_job(self) -> bool:
        """Whether the text is in messages of jobs, which `check --jobs` lists."""
        return self.team is not None


_CERTAIN: Final = Certainty.CERTAIN
_DOCUMENTED: Final = Certainty.DOCUMENTED
_REPORTED: Final = Certainty.REPORTED

# --- Software --------------------------------------------------------------------------------------------------------

_BACKINT: Final = "AWS Backint agent for SAP HANA"
_SAP: Final = "AWS Systems Manager for SAP"
_BACKUP: Final = "AWS Backup, in the message of a job"
_GATEWAY: Final = "AWS Backup, in the message of a Backup gateway job"
_SSM: Final = "AWS Systems Manager Agent"
_TERRAFORM: Final = "Terraform, its provider for AWS"
_BOTOCORE: Final = "AWS CLI and Python SDK (botocore)"
_PYTHON: Final = "Python and Node.js programs (OpenSSL)"
_GO: Final = "Go programs: SSM Agent, Terraform, AWS SDK for Go"
_JAVA: Final = "AWS SDK for Java"
_NODE: Final = "AWS SDK for JavaScript (Node.js)"
_DOTNET: Final = ".NET, PowerShell and AWS SDK for .NET"
_CURL: Final = "curl, libcurl and programs that use it: PHP, AWS SDK for C++"
_DIG: Final = "nslookup, dig and host"
_SYSTEM: Final = "Python, Rust, Ruby and .NET programs, as the system words it"
_URLLIB3: Final = "Python, urllib3"
_RUST: Final = "AWS SDK for Rust and the AWS Common Runtime"
_SERVICE: Final = "An AWS service, through any SDK"
_EC2: Final = "Amazon EC2, through any SDK"

# --- Sources ---------------------------------------------------------------------------------------------------------

_HANA_PAGE: Final = "AWS Backup Developer Guide, SAP HANA backup on Amazon EC2"
_BACKINT_PAGE: Final = "SAP HANA on AWS Guide, Troubleshoot AWS Backint Agent for SAP HANA"
_RESTORE_PAGE: Final = "AWS Backup Developer Guide, Restore an SAP HANA database on an Amazon EC2 instance"
_JOBS_PAGE: Final = "AWS Backup Developer Guide, AWS Backup console dashboards"
_VSS_PAGE: Final = "AWS Backup Developer Guide, Create Windows VSS backups"
_VM_PAGE: Final = "AWS Backup Developer Guide, Troubleshoot VM issues"
_DENIED_PAGE: Final = "IAM User Guide, Troubleshoot access denied error messages"
_ERRORS_PAGE: Final = "AWS Backup Developer Guide, Common Error Types"
_SIGNING_PAGE: Final = "IAM User Guide, Troubleshoot Signature Version 4 signing for AWS API requests"
_EC2_ERRORS_PAGE: Final = "Amazon EC2 API Reference, Error codes"
_BOTOCORE_CODE: Final = "botocore 1.44.8, exceptions.py, and its answers to failures made on purpose"
_GO_CODE: Final = "Go standard library, packages net, net/http and crypto/x509"
_URLLIB3_CODE: Final = "urllib3 2, exceptions.py"
_ERRNO: Final = "errno(3), as the languages print it"
_GETADDRINFO: Final = "getaddrinfo(3), gai_strerror"
_CURL_CODE: Final = "libcurl error codes, libcurl-errors(3)"
_BIND_CODE: Final = "BIND 9, dighost.c and nslookup.c"
_DOTNET_PAGE: Final = "Windows Sockets Error Codes, and .NET, System.Net.Sockets"
_OPENSSL_CODE: Final = "OpenSSL, x509_txt.c and ssl_err.c"

# --- Findings --------------------------------------------------------------------------------------------------------


def _either(*groups: tuple[str, ...]) -> tuple[str, ...]:
    """The codes of all groups in their order, each once."""
    return tuple(dict.fromkeys(code for group in groups for code in group))


_PUBLIC: Final = ("DNS001", "VPC001", "VPC002", "DNS002", "VPC003", "VPC011", "VPC015")
"""The name resolves to public addresses, which a closed network does not reach."""
_SILENT: Final = ("TCP001", "VPC005", "VPC012", "VPC006", "VPC007", "TCP002", "VPC004", "VPC010")
"""Nothing answers at the endpoint's addresses."""
_PATH: Final = _either(("DNS001", "VPC001", "VPC005", "VPC012"), _PUBLIC, _SILENT)
"""Nothing answers, and it is unknown which address was called."""
_NOT_FOUND: Final = (
    *("DNS003", "VPC016", "VPC002", "ENV004", "ENV006", "ENV014"),
    *("DNS006", "VPC017", "VPC018", "DNS018"),
)
"""The name server says that the name does not exist, or has no address."""
_NAME_FAILS: Final = ("DNS004", "DNS005", "DNS016", "VPC011", "VPC003", "DNS013", "VPC015", "DNS019")
"""No name server answers the query."""
_UNRESOLVED: Final = _either(("DNS003", "DNS004", "VPC016", "DNS005"), _NOT_FOUND, _NAME_FAILS)
"""The name gives no address."""
_CUT: Final = ("TLS005", "HTTP006", "TCP012", "TCP009", "ENV007")
"""The connection is cut."""
_UNANSWERED: Final = ("TLS004", "HTTP004", "HTTP006", "TCP009")
"""The connection is established, but no data comes."""
_REFUSED: Final = ("TCP004", "TCP005", "TCP006", "TCP011")
"""The connection fails at once."""
_UNTRUSTED: Final = ("TLS001", "TLS008", "TLS010")
_NO_CREDENTIALS: Final = ("API001", "ENV002", "ENV003", "ENV011", "API010")

METADATA: Final = ("169.254.169.254", "fd00:ec2::254", "169.254.170.2")
"""Addresses of the services that give credentials on a host. A failure there is not a failure of an endpoint."""
_PROXY: Final = "proxyconnect tcp:"
_OTHER_DENIAL: Final = "you are not authorized to perform this operation"

KNOWN_TEXTS: Final = (
    # --- SAP HANA ---
    KnownText(
        id="backint-no-data-plane",
        writer=_BACKINT,
        patterns=(
            "Storage configuration validation failed: missing backup data plane Id",
            "Error performing backup missing backup data plane Id",
        ),
        means="The agent cannot reach AWS Backup's storage, the endpoint service backup-storage.",
        codes=_PATH,
        services=("backup-storage",),
        advice="An agent older than 2.1.5 does not support PrivateLink: `hdbbackint -v` prints its version. The agent "
        "uses the proxy variables of aws-backint-agent-launcher.sh, not those of a login shell.",
        nearness=Nearness.CONSEQUENCE,
        source=_HANA_PAGE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="hana-console-internal-error",
        writer="AWS Backup console",
        patterns=("Fatal Error: An internal error occured", "Fatal Error: An internal error occurred"),
        means="The console shows this where the AWS Backint agent cannot reach AWS Backup's storage.",
        codes=_PATH,
        services=("backup-storage",),
        advice="aws-backint-agent.log on the host has the reason; `backuplink explain --text -` takes its last lines.",
        nearness=Nearness.CONSEQUENCE,
        source=_HANA_PAGE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="ssm-sap-registration-closed",
        writer=_SAP,
        patterns=(
            'Connection was closed before we received a valid response from endpoint URL: "https://ssm-sap.',
            "SSM for SAP failed to discover workload",
        ),
        means="The host cannot reach Systems Manager for SAP or Secrets Manager, so the database is not registered.",
        codes=("TLS005", *_PATH),
        services=("ssm-sap", "secretsmanager"),
        source=_HANA_PAGE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="ssm-sap-secrets",
        writer=_SAP,
        patterns=("Retrieving secrets from Secrets Manager",),
        means="A step of the registration; if the log ends with it, the host cannot reach Secrets Manager.",
        codes=_PATH,
        services=("secretsmanager", "ssm-sap"),
        nearness=Nearness.CONSEQUENCE,
        source=_HANA_PAGE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="backint-exit-code",
        writer="SAP HANA",
        patterns=("Backint exited with exit code 1 instead of 0",),
        means="The agent failed or is not completely installed; SAP HANA does not know why.",
        services=("backup-storage",),
        advice="Pass the last lines of aws-backint-agent.log and of HANA's backint.log to `backuplink explain --text "
        "-`. If they have no error, install the agent again.",
        nearness=Nearness.CONSEQUENCE,
        source=_HANA_PAGE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="backint-upload-id",
        writer=_BACKINT,
        patterns=("Error creating upload id for bucket",),
        means="The agent has no credentials for the bucket, or its proxy takes the requests for instance metadata.",
        codes=_NO_CREDENTIALS,
        services=("s3",),
        advice="aws-backint-agent-launcher.sh must have 169.254.169.254 in no_proxy. A denial in the same line names "
        "the policy.",
        nearness=Nearness.CONSEQUENCE,
        source=_BACKINT_PAGE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="backint-crashed",
        writer=_BACKINT,
        patterns=(
            "Crashed during fetch and conversion ...->{peer}: use of closed network connection",
            "Crashed during fetch and conversion ...->{peer}: read: connection reset by peer",
            "Crashed during fetch and conversion ...->{peer}: write: connection reset by peer",
        ),
        means="The connection to Amazon S3 was cut under load, or by a device on the path that inspects packets.",
        codes=("TLS001", "TLS002", "TLS005", "TCP009", "ENV013"),
        services=("s3",),
        advice="Update the agent to 2.0.4.768 or later. Then lower UploadConcurrency, UploadChannelSize, "
        "DownloadConcurrency and MaximumConcurrentFilesForRestore.",
        source=_BACKINT_PAGE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="backint-bucket-region",
        writer=_BACKINT,
        patterns=("AuthorizationHeaderMalformed ... the region '{word}' is wrong",),
        means="The bucket is in another Region than the agent's configuration says.",
        codes=("API006", "ENV008"),
        services=("s3",),
        advice="Set AwsRegion (S3BucketAwsRegion in newer versions) in aws-backint-agent-config.yaml to the Region of "
        "the bucket.",
        source=_BACKINT_PAGE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="backint-bucket-denied",
        writer=_BACKINT,
        patterns=("Error Fetching Bucket: Access Denied",),
        means="Other credentials on the host hide the role and may not read the bucket, or the policy of "
        "the bucket asks for an endpoint that the call does not take.",
        codes=("API011", "IAM009", "IAM008"),
        services=("s3",),
        nearness=Nearness.REASON,
        source=_BACKINT_PAGE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="hana-log-backups",
        writer=_BACKUP,
        patterns=("Encountered an issue with log backups",),
        means="Log backups of SAP HANA did not reach AWS Backup for a time, so the continuous recovery point stopped.",
        codes=(*_PATH, "TCP009"),
        services=("backup-storage",),
        nearness=Nearness.CONSEQUENCE,
        team=Team.HOST,
        source=_RESTORE_PAGE,
        certainty=_CERTAIN,
    ),
    # --- Windows VSS ---
    KnownText(
        id="vss-regular-backup",
        writer=_BACKUP,
        patterns=("Windows VSS Backup Job Error encountered, trying for regular backup",),
        means="The VSS part failed; the backup is crash-consistent only, and the job counts as completed.",
        codes=_PATH,
        services=("ssm", "ssmmessages", "ec2"),
        advice="The details of the job say which part failed.",
        nearness=Nearness.CONSEQUENCE,
        team=Team.HOST,
        source=_VSS_PAGE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="vss-agent-state",
        writer=_BACKUP,
        patterns=("because either Instance or SSM Agent has invalid state or insufficient privileges",),
        means="Systems Manager does not reach the SSM Agent on the instance, or the instance's role lacks rights.",
        codes=(*_PATH, "API001", "IAM003"),
        services=("ssm", "ssmmessages", "ec2"),
        advice="The role needs AWSEC2VssSnapshotPolicy and AmazonSSMManagedInstanceCore.",
        team=Team.HOST,
        source=_JOBS_PAGE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="vss-privileges",
        writer=_BACKUP,
        patterns=("Windows VSS Backup attempt failed because of insufficient privileges",),
        means="The role of the instance lacks rights for VSS snapshots.",
        has_network_cause=False,
        advice="Attach AWSEC2VssSnapshotPolicy to the role of the instance profile.",
        team=Team.HOST,
        source=_JOBS_PAGE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="vss-not-installed",
        writer=_BACKUP,
        patterns=("ec2-vss-agent.exe is not installed in the Instance",),
        means="The package AwsVssComponents is not installed; AWS Backup does not install it.",
        has_network_cause=False,
        advice="Install AwsVssComponents with Distributor of Systems Manager.",
        team=Team.HOST,
        source=_JOBS_PAGE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="vss-timeout",
        writer=_BACKUP,
        patterns=("because of timeout on VSS enabled snapshot creation",),
        means="The VSS snapshot took too long: without a path to EC2 the agent cannot list the volumes.",
        codes=_PATH,
        services=("ec2", "ssm", "ssmmessages"),
        advice="Load on the host or many volumes have the same effect.",
        team=Team.HOST,
        source=_JOBS_PAGE,
        certainty=_CERTAIN,
    ),
    # --- Backup gateway ---
    KnownText(
        id="gateway-none-available",
        writer=_GATEWAY,
        patterns=("No gateways available to work on job",),
        means="All gateways are busy, each with four jobs at most, or none is in touch with AWS.",
        codes=("API012", "TCP003", "VPC005", "VPC006"),
        services=("backup-gateway",),
        advice="Add gateways or a longer backup window. Run the check in the subnet of the appliance.",
        team=Team.HOST,
        source=_VM_PAGE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="gateway-abort",
        writer=_GATEWAY,
        patterns=("Abort signal detected",),
        means="The job did not end within its window: too little bandwidth, too few gateways, or too short a window.",
        codes=("TCP009",),
        services=("backup-gateway",),
        advice="Look at bandwidth, at the rate limit of the gateway and at the window of the backup plan.",
        team=Team.HOST,
        source=_VM_PAGE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="gateway-upload",
        writer=_GATEWAY,
        patterns=(
            "Cloud network request timed out during data ingestion",
            "Failed to upload backup during data ingestion",
        ),
        means="The gateway lost its connection to AWS while it sent data, or the link has too little bandwidth.",
        codes=("TCP003", "TCP009", "VPC005", "VPC006"),
        services=("backup-gateway",),
        advice="Run the check in the subnet of the appliance; its data goes to port 1031 of the endpoint.",
        team=Team.HOST,
        source=_VM_PAGE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="gateway-disk",
        writer=_GATEWAY,
        patterns=("Failed to process backup data", "Error opening disk on the virtual machine"),
        means="The gateway does not reach the ESXi host on TCP 902 or 443, uses a wrong DNS server, or the version of "
        "VMware or the disk is not supported.",
        advice="This path lies between appliance and hypervisor, where backuplink does not run. Test it in the "
        "appliance's console: option 3, then `ncport -d HOST -p 902` and `-p 443`.",
        team=Team.HOST,
        source=_VM_PAGE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="gateway-hypervisor-offline",
        writer=_GATEWAY,
        patterns=("This operation is not valid for the specified hypervisor because it is not online",),
        means="AWS Backup has no contact with the hypervisor: the gateway is offline, or does not reach it.",
        codes=("API012", "TCP003"),
        services=("backup-gateway",),
        advice="If the gateway is in touch with AWS, test the path from the appliance to the hypervisor, TCP 443.",
        team=Team.HOST,
        source=_JOBS_PAGE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="gateway-activation",
        writer="Programs that activate a gateway: AWS Backup, Storage Gateway, Terraform",
        patterns=("error retrieving activation key from IP Address", "activationRegion="),
        means="The appliance gives no activation key: in a VPC without a way out it reaches AWS only if the URL names "
        "the endpoint with `vpcEndpoint=`. Or this host does not reach TCP 80 of the appliance.",
        codes=("API012", "TCP003", "DNS014"),
        services=("backup-gateway",),
        advice="Add `&vpcEndpoint=DNS-NAME&no_redirect` to the URL of the activation.",
        nearness=Nearness.REASON,
        source="GitHub, awsdocs/aws-storagegateway-user-guide#22 and hashicorp/terraform-provider-aws#14904",
        certainty=_REPORTED,
    ),
    # --- SSM Agent ---
    KnownText(
        id="ssm-not-online",
        writer=_SSM,
        patterns=("SSM Agent is not online", "unable to connect to a Systems Manager endpoint"),
        means="The agent cannot reach Systems Manager, or the role of the instance does not allow it.",
        codes=(*_PATH, "API001", "IAM003"),
        services=("ssm", "ssmmessages"),
        nearness=Nearness.CONSEQUENCE,
        source="GitHub, MinhHungPhan/aws-hands-on-labs#3",
        certainty=_REPORTED,
    ),
    KnownText(
        id="ssm-no-credentials",
        writer=_SSM,
        patterns=("SSM Agent unable to acquire credentials",),
        means="The agent cannot reach Systems Manager to get or to prove its credentials.",
        codes=(*_PATH, *_NO_CREDENTIALS),
        services=("ssm",),
        nearness=Nearness.CONSEQUENCE,
        source="GitHub, PaloAltoNetworks/lab-aws-gwlb-vmseries#60",
        certainty=_REPORTED,
    ),
    KnownText(
        id="ssm-health-ping",
        writer=_SSM,
        patterns=("Health ping failed with error",),
        means="The agent cannot report to Systems Manager; the rest of the line says why.",
        codes=_either(_PATH, _UNRESOLVED, ("API001",)),
        services=("ssm",),
        nearness=Nearness.CONSEQUENCE,
        source="GitHub, aws/amazon-ssm-agent#312",
        certainty=_REPORTED,
    ),
    KnownText(
        id="ssm-log-groups",
        writer=_SSM,
        patterns=("Error Calling DescribeLogGroups",),
        means="The agent cannot reach CloudWatch Logs, so a session waits minutes before it starts.",
        codes=_PATH,
        services=("logs",),
        advice="Without logs of sessions and commands in CloudWatch, this endpoint is not needed.",
        nearness=Nearness.CONSEQUENCE,
        source="GitHub, aws/amazon-ssm-agent#432 and #639",
        certainty=_REPORTED,
    ),
    KnownText(
        id="ssm-no-region",
        writer=_SSM,
        patterns=("Failed to fetch region", "failed to make EC2Metadata request"),
        means="The agent does not reach the instance metadata service: most often a route of this host leads its "
        "address elsewhere, as in an image of another subnet.",
        codes=("ENV002", "ENV003", "ENV011", "ENV001"),
        source="GitHub, aws/amazon-ssm-agent#48 and #298",
        certainty=_REPORTED,
    ),
    KnownText(
        id="ssm-handshake",
        writer=_SSM,
        patterns=("Encountered error while initiating handshake", "Handshake timed out"),
        means="One end of the session has no WebSocket to the service ssmmessages.",
        codes=(*_PATH, "TLS001", "TLS002", "ENV007"),
        services=("ssmmessages",),
        advice="Check on the host that starts the session, too. Encryption of sessions also needs a path to AWS KMS.",
        unless=("handshake timed out after",),  # Netty's, of any TLS handshake
        source="GitHub, aws/amazon-ssm-agent#636",
        certainty=_REPORTED,
    ),
    # --- Terraform ---
    KnownText(
        id="terraform-account-id",
        writer=_TERRAFORM,
        patterns=(
            "AWS account ID not previously found and failed retrieving via all available methods",
            "retrieving caller identity from STS",
        ),
        means="The provider cannot find out to whom its credentials belong: it asks STS, and IAM as a last resort. "
        "The rest of the text says why.",
        codes=("API010", *_PATH, "API002", "API003"),
        services=("sts",),
        advice="In a closed network, set sts_region to your Region. IAM has an endpoint only in some Regions.",
        unless=("[DEBUG]", "[INFO]"),
        nearness=Nearness.CONSEQUENCE,
        source="GitHub, hashicorp/terraform-provider-aws#8385",
        certainty=_REPORTED,
    ),
    KnownText(
        id="terraform-no-credentials",
        writer=_TERRAFORM,
        patterns=("no valid credential sources for Terraform AWS Provider found", "No valid credential sources found"),
        means="The provider found no credentials.",
        codes=_NO_CREDENTIALS,
        nearness=Nearness.CONSEQUENCE,
        source="GitHub, hashicorp/terraform-provider-aws#23167 and #39003",
        certainty=_REPORTED,
    ),
    # --- The global STS ---
    KnownText(
        id="sts-global",
        writer="Older SDKs and those set to `legacy`",
        patterns=("sts.amazonaws.com",),
        means="The SDK calls the global host of STS, for which no interface endpoint has a private name.",
        codes=("API010",),
        services=("sts",),
        advice="Set AWS_STS_REGIONAL_ENDPOINTS=regional, or use a current SDK, and create an endpoint for STS.",
        nearness=Nearness.REASON,
        needs_failure=True,
        source="GitHub, boto/boto3#4301 and guardian/ssm-scala#131",
        certainty=_REPORTED,
    ),
    KnownText(
        id="sts-not-reached",
        writer="AWS SDKs for .NET and Go",
        patterns=("Error calling AssumeRole for role", "WebIdentityErr: failed to retrieve credentials"),
        means="STS, which gives the credentials, is not reached: older SDKs, and those set to `legacy`, call its "
        "global host, for which no interface endpoint has a private name.",
        codes=("API010",),
        services=("sts",),
        advice="Set AWS_STS_REGIONAL_ENDPOINTS=regional, or use a current SDK, and create an endpoint for STS.",
        nearness=Nearness.REASON,
        needs_failure=True,
        unless=("sts.",),
        source="GitHub, aws/aws-sdk-net#3220",
        certainty=_REPORTED,
    ),
    # --- Texts about no network fault ---
    KnownText(
        id="job-role",
        writer=_BACKUP,
        patterns=("cannot be assumed by AWS Backup",),
        means="The role of the backup selection does not trust AWS Backup, or does not exist.",
        has_network_cause=False,
        advice="Let backup.amazonaws.com assume the role, or name another role.",
        team=Team.ROLE,
        nearness=Nearness.REASON,
        source=_JOBS_PAGE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="job-access-denied",
        writer=_BACKUP,
        patterns=("Access Denied trying to call AWS Backup service",),
        means="At a copy between accounts, the access policy of the destination vault does not allow "
        "backup:CopyIntoBackupVault; else the role of the job or a policy of the organisation denies a call that AWS "
        "Backup makes.",
        has_network_cause=False,
        advice="Look at the access policy of the destination vault, then at the role of the job. The call is made "
        "inside AWS.",
        team=Team.ROLE,
        nearness=Nearness.REASON,
        source=_JOBS_PAGE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="job-describe-denied",
        writer=_BACKUP,
        patterns=("AWS Backup does not have permission to describe resource",),
        means="The role of the job lacks the policy for this type of resource, such as "
        "AWSBackupServiceRolePolicyForS3Backup for Amazon S3.",
        has_network_cause=False,
        advice="Attach the policy to the role of the backup plan. The call is made inside AWS, and no network of yours "
        "has a part in it.",
        nearness=Nearness.REASON,
        team=Team.ROLE,
        source="GitHub, ministryofjustice/modernisation-platform#6152",
        certainty=_REPORTED,
    ),
    KnownText(
        id="job-role-rights",
        writer=_BACKUP,
        patterns=("Please consult the permissions associated with your AWS Backup role",),
        means="The role of the job may not make a call of this backup or restore; for a restore of an EC2 instance it "
        "is most often iam:PassRole for the role of the instance.",
        has_network_cause=False,
        advice="Allow iam:PassRole to the role of the restore job, with AWSBackupServiceRolePolicyForRestores. An "
        "encoded message is read with `aws sts decode-authorization-message`.",
        nearness=Nearness.REASON,
        team=Team.ROLE,
        source="GitHub, lgallard/terraform-aws-backup#15; AWS re:Post, aws-backup-encoded-authorization-failure",
        certainty=_REPORTED,
    ),
    KnownText(
        id="job-organisation",
        writer=_BACKUP,
        patterns=(
            "Both source and destination account must be a member of the same organization",
            "Cross-account copy feature is not enabled for the current organization",
        ),
        means="The accounts of a copy between accounts are not in one organisation, or it does not allow such copies.",
        has_network_cause=False,
        advice="Look at AWS Organizations: the copy needs both accounts in it, and cross-account backup switched on.",
        nearness=Nearness.REASON,
        team=Team.ORGANISATION,
        source="AWS Backup Developer Guide, Creating backup copies across AWS accounts",
        certainty=_DOCUMENTED,
    ),
    KnownText(
        id="backup-vault-denied",
        writer="AWS Backup, through any SDK",
        patterns=(
            "Insufficient privileges to perform this action",
            "AccessDeniedException: status code: 403",
            "creating Backup Vault ... AccessDeniedException",
            "Access Denied trying to describe backup vault",
            "(AccessDeniedException) when calling the DescribeBackupVault operation",
            "(AccessDeniedException) when calling the CreateBackupVault operation",
            "operation error Backup: ... StatusCode: 403 ... AccessDeniedException",
        ),
        means="AWS Backup denies the call. It gives the same answer if the vault does not exist in this Region and "
        "account. CreateBackupVault also needs backup-storage:MountCapsule and rights on the KMS key.",
        codes=("IAM009", "IAM003", "IAM008"),
        services=("backup",),
        advice="Compare the vault's name and Region with `aws backup list-backup-vaults`. Then compare the rights of "
        "the caller with `backuplink explain IAM003`.",
        nearness=Nearness.REASON,
        unless=("because no ", "with an explicit deny"),
        source="GitHub, aws/aws-sdk-js#2625 and lgallard/terraform-aws-backup#6",
        certainty=_REPORTED,
    ),
    KnownText(
        id="backup-vault-policy",
        writer="AWS Backup, through any SDK",
        patterns=("cannot be added to the vault due to cross-account sharing restrictions",),
        means="AWS Backup rejects this access policy of a vault, since it lets in accounts outside the organisation.",
        codes=("IAM008",),
        services=("backup",),
        nearness=Nearness.REASON,
        source="GitHub, rebuy-de/aws-nuke#1150",
        certainty=_REPORTED,
    ),
    # --- Endpoints that EC2 does not create ---
    KnownText(
        id="ec2-conflicting-domain",
        writer=_EC2,
        patterns=(
            "private-dns-enabled cannot be set because there is already a conflicting DNS domain",
            "ConflictingDomainExists",
            "is already associated with another private hosted zone",
            "already been associated with the hosted zone ... with the same domain name",
        ),
        means="The VPC already has the name: from another endpoint of this service, from a private hosted zone, or for "
        "some minutes from an endpoint that was deleted.",
        codes=("VPC002", "VPC016", "VPC018"),
        advice="Use the endpoint or the zone that is there, or remove it and wait. To have a zone of your own, create "
        "the endpoint without private DNS.",
        nearness=Nearness.REASON,
        source="GitHub, hashicorp/terraform-provider-aws#17269 and #37783",
        certainty=_REPORTED,
    ),
    KnownText(
        id="ec2-private-dns-attributes",
        writer=_EC2,
        patterns=("Enabling private DNS requires both enableDnsSupport and enableDnsHostnames",),
        means="The VPC's attributes enableDnsSupport and enableDnsHostnames are not both true, so the endpoint cannot "
        "have private DNS.",
        codes=("VPC003", "VPC002"),
        nearness=Nearness.REASON,
        source="AWS PrivateLink Guide, Access an AWS service using an interface VPC endpoint",
        certainty=_DOCUMENTED,
    ),
    KnownText(
        id="ec2-inbound-resolver-only",
        writer=_EC2,
        patterns=(
            "To set PrivateDnsOnlyForInboundResolverEndpoint to true",
            "PrivateDnsOnlyForInboundResolverEndpoint",
        ),
        means="Private DNS of this S3 endpoint is set to serve only the inbound Resolver endpoint. For that, the VPC "
        "first needs a gateway endpoint of Amazon S3.",
        codes=("VPC001", "VPC019", "VPC002"),
        services=("s3",),
        advice="Create the gateway endpoint before the interface endpoint, or set "
        "PrivateDnsOnlyForInboundResolverEndpoint to false.",
        nearness=Nearness.REASON,
        source="GitHub, terraform-aws-modules/terraform-aws-vpc#1012",
        certainty=_REPORTED,
    ),
    KnownText(
        id="ec2-no-endpoint-service",
        writer=_EC2,
        patterns=(
            "The Vpc Endpoint Service '{word}' does not exist",
            "does not support the availability zone of the subnet",
            "does not provide a private DNS name",
            "Private DNS can't be enabled because the service",
        ),
        means="The endpoint service does not exist in this Region, in this zone, or with a private name.",
        codes=("ENV004", "VPC009", "VPC001"),
        advice="`aws ec2 describe-vpc-endpoint-services` lists the services of a Region with their zones and names.",
        nearness=Nearness.REASON,
        source="Amazon EC2 API Reference, CreateVpcEndpoint",
        certainty=_REPORTED,
    ),
    KnownText(
        id="ec2-full-access-policy",
        writer=_EC2,
        patterns=("only supports the full-access endpoint policy",),
        means="This endpoint service takes no endpoint policy but the one that allows everything.",
        codes=("VPC008",),
        advice="Create the endpoint without a policy.",
        nearness=Nearness.REASON,
        source="GitHub, pulumi/pulumi-aws-native#1711",
        certainty=_REPORTED,
    ),
    KnownText(
        id="ec2-zone-right",
        writer=_EC2,
        patterns=("route53:AssociateVPCWithHostedZone",),
        means="The caller may not switch private DNS of an endpoint on or off: EC2 asks for the right "
        "route53:AssociateVPCWithHostedZone as well.",
        codes=("IAM003", "IAM004"),
        nearness=Nearness.REASON,
        source="Service Authorization Reference, Amazon EC2, CreateVpcEndpoint",
        certainty=_DOCUMENTED,
    ),
    KnownText(
        id="job-kms-key",
        writer=_BACKUP,
        patterns=("KMS key is either disabled or pending deletion", "Given key ID is not accessible"),
        means="The key of the vault or of the resource is disabled, is being deleted, or its policy denies the role.",
        has_network_cause=False,
        advice="Look at the state and the policy of the key in AWS KMS.",
        team=Team.KEY,
        nearness=Nearness.REASON,
        source=_JOBS_PAGE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="job-expired",
        writer=_BACKUP,
        patterns=("Backup job expired before completion",),
        means="The job did not start or end within the backup window.",
        has_network_cause=False,
        advice="Give the plan a longer window, or start fewer jobs at once.",
        team=Team.PLAN,
        nearness=Nearness.REASON,
        source=_JOBS_PAGE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="job-vault-missing",
        writer=_BACKUP,
        patterns=("Backup job failed because backup vault",),
        means="The vault that the plan names does not exist in this Region and account.",
        has_network_cause=False,
        advice="Compare the plan with `aws backup list-backup-vaults`. AWS Backup does not check the names of vaults "
        "in backup policies of an organisation.",
        team=Team.VAULT,
        nearness=Nearness.REASON,
        source="AWS Backup Developer Guide, Monitoring AWS Backup events using Amazon EventBridge",
        certainty=_DOCUMENTED,
    ),
    KnownText(
        id="job-vault-retention",
        writer=_BACKUP,
        patterns=("The retention specified in the job is not within the range specified for the target Backup Vault",),
        means="The vault is locked with a shortest or a longest retention, and the plan asks for another one.",
        has_network_cause=False,
        advice="Give the rule a retention within the range of the vault's lock.",
        team=Team.VAULT,
        nearness=Nearness.REASON,
        source=_JOBS_PAGE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="job-vault-default-key",
        writer=_BACKUP,
        patterns=(
            "the destination Backup vault is encrypted with the default Backup service managed key",
            "Snapshots encrypted with the AWS managed key can't be shared",
            "Encrypted snapshots with Amazon EBS default key cannot be shared",
        ),
        means="A backup under a key that AWS manages cannot be copied to another account.",
        has_network_cause=False,
        advice="Encrypt the resource, and the vault of the copy, with a key of your own whose policy allows the other "
        "account.",
        team=Team.KEY,
        nearness=Nearness.REASON,
        source=_JOBS_PAGE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="job-already-running",
        writer=_BACKUP,
        patterns=(
            "Backup job failed because there was a running job for the same resource",
            "There are too many copy jobs running for resource",
        ),
        means="Another job of the same resource was still running.",
        has_network_cause=False,
        advice="Let the rules of the plans start at other times, or less often.",
        team=Team.PLAN,
        nearness=Nearness.REASON,
        source=_JOBS_PAGE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="job-window",
        writer=_BACKUP,
        patterns=(
            "could not start because it is either inside or too close to the weekly maintenance window configured",
            "could not start because it is either inside or too close to the automated backup window configured",
        ),
        means="The backup window of the backup plan's rule overlaps a maintenance or backup window of the database, or "
        "is too close to it.",
        has_network_cause=False,
        advice="Move one of the two windows by an hour or more.",
        team=Team.PLAN,
        nearness=Nearness.REASON,
        source=_JOBS_PAGE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="job-limit",
        writer=_BACKUP,
        patterns=("subscriber limit exceeded",),
        means="The account runs as many jobs at once as it may.",
        has_network_cause=False,
        advice="Wait until other jobs finish, spread the plans, or ask for a higher quota.",
        team=Team.PLAN,
        nearness=Nearness.REASON,
        source=_JOBS_PAGE,
        certainty=_CERTAIN,
    ),
    # --- botocore ---
    KnownText(
        id="botocore-connect",
        writer=_BOTOCORE,
        patterns=("Could not connect to the endpoint URL",),
        means="The name of the host has no address, or the connection was refused at once: botocore says the same for "
        "both.",
        codes=(*_UNRESOLVED, *_REFUSED),
        nearness=Nearness.CONSEQUENCE,
        source=_BOTOCORE_CODE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="botocore-connect-timeout",
        writer=_BOTOCORE,
        patterns=("Connect timeout on endpoint URL",),
        means="Nothing answered at any address of the host.",
        codes=_PATH,
        source=_BOTOCORE_CODE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="botocore-read-timeout",
        writer=_BOTOCORE,
        patterns=("Read timeout on endpoint URL",),
        means="The connection is up, and then nothing came: no TLS handshake, or no answer.",
        codes=_UNANSWERED,
        source=_BOTOCORE_CODE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="botocore-closed",
        writer=_BOTOCORE,
        patterns=("Connection was closed before we received a valid response from endpoint URL",),
        means="The connection was cut during the TLS handshake, or before the answer.",
        codes=_CUT,
        advice="A connection that was idle for 350 seconds ends in the same way; the next call then works.",
        source=_BOTOCORE_CODE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="botocore-proxy",
        writer=_BOTOCORE,
        patterns=(
            'Failed to connect to proxy URL: "',
            "Cannot connect to proxy",
            "Tunnel connection failed:",
            "407 Proxy Authentication Required",
            "(407) Proxy Authentication Required",
            "The proxy tunnel request to proxy ... failed with status code",
        ),
        means="The proxy is down, refuses the host, or wants a password: botocore says the same for all three.",
        codes=("HTTP003", "ENV007"),
        advice="Run `backuplink check --service NAME` for the service that the program calls, with the "
        "proxy variables of that program.",
        source=_BOTOCORE_CODE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="botocore-ca-bundle",
        writer=_BOTOCORE,
        patterns=(
            "SSL validation failed for ... [Errno 2] No such file or directory",
            "Could not find a suitable TLS CA certificate bundle, invalid path:",
        ),
        means="AWS_CA_BUNDLE, REQUESTS_CA_BUNDLE or the profile names a file of certificates that is not there.",
        codes=("TLS008",),
        source=_BOTOCORE_CODE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="botocore-no-credentials",
        writer=_BOTOCORE,
        patterns=("Unable to locate credentials",),
        means="No source of credentials gave any: no role, or no path to instance metadata.",
        codes=_NO_CREDENTIALS,
        nearness=Nearness.CONSEQUENCE,
        source=_BOTOCORE_CODE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="botocore-credential-source",
        writer=_BOTOCORE,
        patterns=("Error when retrieving credentials from {word}",),
        means="A source of credentials that is configured, or known to work, failed.",
        codes=("API010", "ENV002", "ENV003", "ENV011"),
        nearness=Nearness.CONSEQUENCE,
        source=_BOTOCORE_CODE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="botocore-no-region",
        writer=_BOTOCORE,
        patterns=(
            "You must specify a region",
            "Unable to load region information from any provider in the chain",
            "Unable to find a region via the region provider chain",
            "Missing region in config",
            "could not find region configuration",
        ),
        means="No Region is set in the environment or the profile.",
        codes=("ENV001",),
        source=_BOTOCORE_CODE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="botocore-bad-settings",
        writer=_BOTOCORE,
        patterns=(
            "The config profile ({word}) could not be found",
            "Provided region_name '... doesn't match a supported format",
        ),
        means="A setting of the SDK on this host cannot be used.",
        codes=("ENV018",),
        source=_BOTOCORE_CODE,
        certainty=_CERTAIN,
    ),
    # --- The system below the SDKs ---
    KnownText(
        id="system-not-found",
        writer=_SYSTEM,
        patterns=(
            "Failed to resolve '{host}' ([Errno -2]",
            "Name or service not known",
            "nodename nor servname provided, or not known",
            "[Errno 11001] getaddrinfo failed",
            "No address associated with hostname",
            "getaddrinfo: Name does not resolve",
            "DNS name does not exist",
            "unable to resolve host address",
            "Domain name not found",
        ),
        means="The name of the host has no address: the name server says that it does not exist.",
        codes=_NOT_FOUND,
        source=_GETADDRINFO,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="system-dns-failure",
        writer=_SYSTEM,
        patterns=(
            "Temporary failure in name resolution",
            "[Errno 11002] getaddrinfo failed",
            "Resource temporarily unavailable ({host}:443)",
            "Timeout while contacting DNS servers",
            "Could not contact DNS servers",
        ),
        means="No name server of this host gives an answer: silent, out of reach, or failing.",
        codes=_NAME_FAILS,
        source=_GETADDRINFO,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="urllib3-not-resolved",
        writer=_URLLIB3,
        patterns=("Failed to resolve '{host}'",),
        means="The name of the host gives no address; the number behind the text says whether a name server answered.",
        codes=_UNRESOLVED,
        yields=True,
        source=_URLLIB3_CODE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="system-timeout",
        writer=_SYSTEM,
        patterns=(
            "Connection to {host} timed out. (connect timeout=",
            "[Errno 110] Connection timed out",
            "[Errno 60] Operation timed out",
            "Connection timed out (os error 110)",
            "Connection timed out ({host}:443)",
            "Failed to open TCP connection to {host}:443 (execution expired)",
            "HTTP connect timeout occurred after",
            'kind: "HTTP connect", duration',
            "failed to connect to {host}/{address} (port 443)",
            "Net::OpenTimeout",
            "nc: connect to {host} port {word} ... Connection timed out",
            "TCP connect to ({address} : 443) failed",
            "connection {word} to {host}:443 timed out after",
        ),
        means="Nothing answered at any address of the host.",
        codes=_PATH,
        source=_ERRNO,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="urllib3-read-timeout",
        writer=_URLLIB3,
        patterns=(
            "Read timed out. (read timeout=",
            "ssl.SSLError: ('The handshake operation timed out',)",
            "Net::ReadTimeout",
        ),
        means="The connection is up, and then nothing came: no TLS handshake, or no answer.",
        codes=_UNANSWERED,
        source=_URLLIB3_CODE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="system-refused",
        writer=_SYSTEM,
        patterns=(
            "[Errno 111] Connection refused",
            "[Errno 113] No route to host",
            "[Errno 101] Network is unreachable",
            "Connection refused (os error 111)",
            "Connection refused ({host}:443)",
            "Network is unreachable ({host}:443)",
        ),
        means="The connection failed at once: refused, or without a route.",
        codes=_REFUSED,
        source=_ERRNO,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="system-closed",
        writer=_SYSTEM,
        patterns=(
            "[Errno 104] Connection reset by peer",
            "(104, 'Connection reset by peer')",
            "Connection reset by peer (os error 104)",
            "Remote end closed connection without response",
        ),
        means="The connection was cut during the TLS handshake, or before the answer.",
        codes=_CUT,
        source=_ERRNO,
        certainty=_CERTAIN,
    ),
    # --- curl, which the runbook pages use ---
    KnownText(
        id="curl-not-found",
        writer=_CURL,
        patterns=("Could not resolve host: {host}", "curl: (6)", "cURL error 6:"),
        means="The name of the host has no address, or no name server answers.",
        codes=_UNRESOLVED,
        source=_CURL_CODE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="curl-refused",
        writer=_CURL,
        patterns=(
            "Failed to connect to {host} port {word} ... Connection refused",
            "Failed to connect to {host} port {word} ... No route to host",
            "Failed to connect to {host} port {word} ... Network is unreachable",
        ),
        means="The connection failed at once: refused, or without a route.",
        codes=_REFUSED,
        source=_CURL_CODE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="curl-not-connected",
        writer=_CURL,
        patterns=(
            "Failed to connect to {host} port {word} ... Couldn't connect to server",
            "Failed to connect to {host} port {word} ... Could not connect to server",
            "curl: (7)",
            "cURL error 7:",
        ),
        means="The connection failed: refused, without a route, or, if it took seconds, without an answer at any "
        "address.",
        codes=_either(("TCP001", "TCP004", "VPC005"), _REFUSED, _PATH),
        unless=("Connection refused", "Connection timed out", "No route to host", "Network is unreachable"),
        source=_CURL_CODE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="curl-timeout",
        writer=_CURL,
        patterns=(
            "Failed to connect to {host} port {word} ... Connection timed out",
            "Connection timed out after {word} milliseconds",
            "Resolving timed out after {word} milliseconds",
            "curl: (28)",
            "cURL error 28:",
            "curlCode: 28",
        ),
        means="Nothing answered within the time that curl was given.",
        codes=_PATH,
        unless=("SSL connection timeout",),
        source=_CURL_CODE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="curl-handshake",
        writer=_CURL,
        patterns=("curl: (35)", "cURL error 35:", "SSL connection timeout", "OpenSSL SSL_connect: SSL_ERROR_SYSCALL"),
        means="The connection is up, and the TLS handshake is cut or stalls.",
        codes=("TLS005", "TLS004", "TLS009"),
        unless=("wrong version number", "packet length too long"),
        source=_CURL_CODE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="curl-proxy",
        writer=_CURL,
        patterns=(
            "Received HTTP code {word} from proxy after CONNECT",
            "CONNECT tunnel failed, response",
            "Could not resolve proxy: {host}",
            "Unexpected response code for CONNECT:",
        ),
        means="The proxy that this program is set to use does not let the call through.",
        codes=("HTTP003", "ENV007"),
        advice="Run `backuplink check --service NAME` for the service that the program calls, with the "
        "proxy variables of that program.",
        source=_CURL_CODE,
        certainty=_CERTAIN,
    ),
    # --- nslookup, dig and host, which the runbook pages use, too ---
    KnownText(
        id="dig-not-found",
        writer=_DIG,
        patterns=(
            "server can't find {host}: NXDOMAIN",
            "can't find {host}: Non-existent domain",
            "can't find {host}: No answer",
            "Host {host} not found: 3(NXDOMAIN)",
            "status: NXDOMAIN",
            "can't resolve '{host}'",
        ),
        means="The name server says that the name does not exist, or has no address.",
        codes=_NOT_FOUND,
        source=_BIND_CODE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="dig-silent",
        writer=_DIG,
        patterns=(
            "connection timed out; no servers could be reached",
            "communications error to {address}",
            "no servers could be reached",
            "DNS request timed out",
            "*** Request to {word} timed-out",
            "server can't find {host}: timed out",
        ),
        means="The name server does not answer.",
        codes=_NAME_FAILS,
        source=_BIND_CODE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="dig-failure",
        writer=_DIG,
        patterns=(
            "server can't find {host}: SERVFAIL",
            "server can't find {host}: REFUSED",
            "Host {host} not found: 2(SERVFAIL)",
            "Host {host} not found: 5(REFUSED)",
            "status: SERVFAIL",
            "status: REFUSED",
            "can't find {host}: Server failed",
            "can't find {host}: Query refused",
            "Got SERVFAIL reply from",
        ),
        means="The name server answers that it failed, or refuses the question.",
        codes=("DNS005", "DNS013", "VPC015", "VPC011"),
        source=_BIND_CODE,
        certainty=_CERTAIN,
    ),
    # --- Instance metadata ---
    KnownText(
        id="metadata-unreachable",
        writer="AWS CLI and SDKs",
        patterns=METADATA,
        means="The program cannot get a role from the instance metadata service or from the metadata service of "
        "containers.",
        codes=("ENV002", "ENV003", "ENV011", "API001"),
        advice="A proxy must not take these addresses: name them in NO_PROXY of the program that fails.",
        nearness=Nearness.REASON,
        needs_failure=True,
        source="GitHub, hashicorp/terraform-provider-aws#26074",
        certainty=_REPORTED,
    ),
    KnownText(
        id="metadata-no-role",
        writer="AWS SDKs",
        patterns=(
            "no EC2 IMDS role found",
            "Unable to contact EC2 metadata service",
            "Failed to connect to service endpoint",
            "no EC2 instance role found",
        ),
        means="The program cannot get a role from the instance metadata service.",
        codes=("ENV002", "ENV003", "ENV011", "API001"),
        source="GitHub, hashicorp/terraform-provider-aws#26074",
        certainty=_REPORTED,
    ),
    # --- TLS, as OpenSSL words it ---
    KnownText(
        id="openssl-untrusted",
        writer=_PYTHON,
        patterns=(
            "unable to get local issuer certificate",
            "self-signed certificate",
            "self signed certificate",
            "unable to verify the first certificate",
            "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
            "SELF_SIGNED_CERT_IN_CHAIN",
            "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
        ),
        means="The program does not trust the issuer of the certificate: TLS is intercepted, or Amazon's roots are "
        "missing.",
        codes=_UNTRUSTED,
        source=_OPENSSL_CODE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="openssl-time",
        writer=_PYTHON,
        patterns=(
            "certificate verify failed: certificate has expired",
            "certificate verify failed: certificate is not yet valid",
            "CERT_HAS_EXPIRED",
            "java.security.cert.CertificateExpiredException",
            "curl: (60) SSL certificate problem: certificate has expired",
        ),
        means="The certificate is not valid at the time of this host's clock.",
        codes=("TLS007", "ENV010", "TLS001"),
        source=_OPENSSL_CODE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="openssl-name",
        writer=_PYTHON,
        patterns=(
            "hostname '{word}' doesn't match",
            "Hostname mismatch, certificate is not valid for '{host}'",
            "Hostname/IP does not match certificate's altnames",
            "no alternative certificate subject name matches target host name",
            "No subject alternative DNS name matching {host} found",
            "Certificate for <{host}> doesn't match",
            "Hostname/IP doesn't match certificate's altnames",
            "certificate subject name {word} does not match target host",
        ),
        means="The certificate is of another host: a wrong address in DNS or the hosts file, or a wrong endpoint URL.",
        codes=("TLS003", "VPC010", "ENV005", "ENV009"),
        source=_BOTOCORE_CODE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="s3-bucket-dots",
        writer=_PYTHON,
        patterns=(
            "doesn't match either of '*.s3",
            "is not in the cert's altnames: ... DNS:*.s3",
            "certificate subject name '*.s3",
        ),
        means="The host has more than one label before `s3`, for which Amazon S3's certificate has no name: the name "
        "of the bucket has dots, or the endpoint URL has the bucket in it already.",
        codes=("TLS003", "ENV005"),
        services=("s3",),
        advice="Use path-style addresses for this bucket, and an endpoint URL without a bucket.",
        nearness=Nearness.REASON,
        source="Amazon S3 User Guide, General purpose bucket naming rules",
        certainty=_DOCUMENTED,
    ),
    KnownText(
        id="openssl-not-tls",
        writer=_PYTHON,
        patterns=(
            "[SSL: WRONG_VERSION_NUMBER]",
            "SSL routines ... wrong version number",
            "SSL routines ... packet length too long",
            "SSL_connect ... wrong version number",
        ),
        means="Something that does not speak TLS answers on the port, such as a proxy or a portal.",
        codes=("TLS006", "ENV007"),
        source=_OPENSSL_CODE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="openssl-eof",
        writer=_PYTHON,
        patterns=(
            "EOF occurred in violation of protocol",
            "SSL_connect SYSCALL returned=5 errno=0",
        ),
        means="The connection was cut during the TLS handshake.",
        codes=("TLS005", "TLS009"),
        source=_OPENSSL_CODE,
        certainty=_CERTAIN,
    ),
    # --- Go ---
    KnownText(
        id="go-timeout",
        writer=_GO,
        patterns=(
            "dial tcp {peer}: i/o timeout",
            "dial tcp {peer}: connect: connection timed out",
            "dial tcp {peer}: connect: operation timed out",
            "dial tcp {word} i/o timeout",
            "dial tcp: i/o timeout",
        ),
        means="Nothing answered at this address.",
        codes=_PATH,
        unless=(_PROXY,),
        source=_GO_CODE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="go-no-such-host",
        writer=_GO,
        patterns=("lookup {host} ... no such host",),
        means="The name server says that the name does not exist, or has no address.",
        codes=_NOT_FOUND,
        unless=(_PROXY,),
        source=_GO_CODE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="go-dns-timeout",
        writer=_GO,
        patterns=(
            "lookup {host} on {word} read udp {word} i/o timeout",
            "lookup {host} on {word} dial udp {word} i/o timeout",
            "lookup {host}: i/o timeout",
            "lookup {host}: Temporary failure in name resolution",
            "lookup {host} on {word} i/o timeout",
        ),
        means="The name server does not answer.",
        codes=("DNS004", "DNS016", "VPC011", "VPC003", "DNS002", "DNS019"),
        unless=(_PROXY,),
        source=_GO_CODE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="go-dns-failure",
        writer=_GO,
        patterns=("lookup {host} ... server misbehaving",),
        means="The name server answers that it failed, or refuses the question.",
        codes=("DNS005", "DNS013", "VPC015", "VPC011"),
        unless=(_PROXY,),
        source=_GO_CODE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="go-refused",
        writer=_GO,
        patterns=(
            "dial tcp {peer}: connect: connection refused",
            "dial tcp {peer}: connect: no route to host",
            "dial tcp {peer}: connect: network is unreachable",
            "connect: cannot assign requested address",
        ),
        means="The connection failed at once: refused, or without a route.",
        codes=_REFUSED,
        unless=(_PROXY,),
        source=_GO_CODE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="go-deadline",
        writer=_GO,
        patterns=(
            "request canceled while waiting for connection",
            "Client.Timeout exceeded while awaiting headers",
            "context deadline exceeded",
        ),
        means="The program's own time was over before the connection was up or an answer came: most often nothing "
        "answers, since a group lets nothing through or there is no way out.",
        codes=_either(("DNS001", "VPC012", "VPC005"), _PATH, ("TLS004", "DNS004")),
        nearness=Nearness.CONSEQUENCE,
        source=_GO_CODE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="go-closed",
        writer=_GO,
        patterns=(
            "read tcp {word}->{peer}: read: connection reset by peer",
            "write tcp {word}->{peer}: write: connection reset by peer",
            "write tcp {word}->{peer}: write: broken pipe",
            "read tcp {word}->{peer}: read: connection timed out",
            "remote error: tls: internal error",
            '": EOF',
        ),
        means="The connection was cut during the TLS handshake, or before the answer.",
        codes=_CUT,
        unless=("Crashed during fetch and conversion",),
        source=_GO_CODE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="go-handshake-refused",
        writer=_GO,
        patterns=(
            "remote error: tls: handshake failure",
            "remote error: tls: protocol version not supported",
            "tls: server selected unsupported protocol version",
        ),
        means="The peer refuses the TLS version or the ciphers.",
        codes=("TLS009", "TLS001"),
        source=_GO_CODE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="go-proxy",
        writer=_GO,
        patterns=(
            _PROXY,
            '": Forbidden',
            '": Proxy Authentication Required',
        ),
        means="The proxy that this program is set to use does not let the call through.",
        codes=("HTTP003", "ENV007"),
        advice="Run `backuplink check --service NAME` for the service that the program calls, with the "
        "proxy variables of that program.",
        source=_GO_CODE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="go-handshake-timeout",
        writer=_GO,
        patterns=("net/http: TLS handshake timeout",),
        means="The connection is up, and the TLS handshake stalls: most often an MTU is too large, so that "
        "large packets are lost.",
        codes=("TLS004", "TCP009"),
        source=_GO_CODE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="go-no-answer",
        writer=_GO,
        patterns=("net/http: timeout awaiting response headers",),
        means="The connection is up, the request was sent, and no answer comes.",
        codes=("HTTP004", "HTTP006", "TCP009"),
        source=_GO_CODE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="go-untrusted",
        writer=_GO,
        patterns=("x509: certificate signed by unknown authority", "x509: certificate is not trusted"),
        means="The program does not trust the issuer of the certificate: TLS is intercepted, or Amazon's roots are "
        "missing.",
        codes=_UNTRUSTED,
        source=_GO_CODE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="go-certificate-time",
        writer=_GO,
        patterns=("x509: certificate has expired or is not yet valid",),
        means="The certificate is not valid at the time of this host's clock.",
        codes=("TLS007", "ENV010", "TLS001"),
        source=_GO_CODE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="go-certificate-name",
        writer=_GO,
        patterns=("x509: certificate is valid for ..., not {host}",),
        means="The certificate is of another host: a wrong address in DNS or the hosts file, or a wrong endpoint URL.",
        codes=("TLS003", "VPC010", "ENV005", "ENV009"),
        source=_GO_CODE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="go-not-tls",
        writer=_GO,
        patterns=(
            "tls: first record does not look like a TLS handshake",
            "server gave HTTP response to HTTPS client",
        ),
        means="Something that does not speak TLS answers on the port, such as a proxy or a portal.",
        codes=("TLS006", "ENV007"),
        source=_GO_CODE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="go-no-credentials",
        writer=_GO,
        patterns=("NoCredentialProviders: no valid providers in chain",),
        means="No source of credentials gave any: no role, or a proxy takes the requests for instance metadata.",
        codes=_NO_CREDENTIALS,
        advice="For the AWS Backint agent, aws-backint-agent-launcher.sh must have 169.254.169.254 in no_proxy.",
        nearness=Nearness.CONSEQUENCE,
        source=_BACKINT_PAGE,
        certainty=_CERTAIN,
    ),
    # --- Java ---
    KnownText(
        id="java-timeout",
        writer=_JAVA,
        patterns=(
            "Connect to {host}:443 [{word}/{address} ... failed: connect timed out",
            "Connect to {host}:443 ... failed: connect timed out",
            "Connect to {host}:443 [{word}/{address} ... failed: Connection timed out",
            "Connect to {host}:443 ... failed: Connection timed out",
            "connection timed out after ... ms: {host}/{peer}",
            "connection timed out: {host}/{peer}",
            "java.net.SocketTimeoutException: connect timed out",
            "java.net.ConnectException: Connection timed out",
            "Acquire operation took longer than the configured maximum time",
            "HttpConnectTimeoutException",
        ),
        means="Nothing answered at any address of the host.",
        codes=_PATH,
        source="GitHub, aws/aws-sdk-java#2520",
        certainty=_REPORTED,
    ),
    KnownText(
        id="java-refused",
        writer=_JAVA,
        patterns=(
            "Connect to {host}:443 ... failed: Connection refused",
            "Connect to {host}:443 ... failed: No route to host",
            "Connect to {host}:443 ... failed: Network is unreachable",
            "java.net.ConnectException: Connection refused",
            "java.net.NoRouteToHostException",
        ),
        means="The connection failed at once: refused, or without a route.",
        codes=_REFUSED,
        source="GitHub, aws/aws-sdk-java#1481",
        certainty=_REPORTED,
    ),
    KnownText(
        id="java-handshake",
        writer=_JAVA,
        patterns=("Remote host terminated the handshake", "Remote host closed connection during handshake"),
        means="The connection was cut during the TLS handshake.",
        codes=("TLS005", "TLS009", "ENV007"),
        source="GitHub, aws/aws-sdk-java-v2#1772 and aws/aws-sdk-java#2269",
        certainty=_REPORTED,
    ),
    KnownText(
        id="java-read-timeout",
        writer=_JAVA,
        patterns=("Unable to execute HTTP request: Read timed out", "java.net.SocketTimeoutException: Read timed out"),
        means="The connection is up, and then nothing came: no TLS handshake, or no answer.",
        codes=_UNANSWERED,
        source="OpenJDK, java.net.SocketTimeoutException",
        certainty=_DOCUMENTED,
    ),
    KnownText(
        id="java-closed",
        writer=_JAVA,
        patterns=(
            "java.net.SocketException: Connection reset",
            "Unable to execute HTTP request: Connection reset",
            "The target server failed to respond",
            "java.io.IOException: Connection reset by peer",
        ),
        means="The connection was cut during the TLS handshake, or before the answer.",
        codes=_CUT,
        source="OpenJDK, java.net.SocketException, and Apache HttpClient, NoHttpResponseException",
        certainty=_DOCUMENTED,
    ),
    KnownText(
        id="java-handshake-refused",
        writer=_JAVA,
        patterns=("Received fatal alert: handshake_failure", "Received fatal alert: protocol_version"),
        means="The peer refuses the TLS version or the ciphers.",
        codes=("TLS009", "TLS001"),
        source="OpenJDK, javax.net.ssl.SSLHandshakeException",
        certainty=_DOCUMENTED,
    ),
    KnownText(
        id="java-not-tls",
        writer=_JAVA,
        patterns=("Unrecognized SSL message, plaintext connection", "Unsupported or unrecognized SSL message"),
        means="Something that does not speak TLS answers on the port, such as a proxy or a portal.",
        codes=("TLS006", "ENV007"),
        source="GitHub, aws/aws-sdk-java-v2#5322",
        certainty=_REPORTED,
    ),
    KnownText(
        id="java-unknown-host",
        writer=_JAVA,
        patterns=(
            "Received an UnknownHostException when attempting to interact with a service",
            "java.net.UnknownHostException: {host}",
            "UnknownHostException: {host}: Name or service not known",
            "Unable to execute HTTP request: {host}.amazonaws.com",
            "UnknownHostException: Name does not resolve",
            "java.nio.channels.UnresolvedAddressException",
        ),
        means="The name of the host has no address.",
        codes=_UNRESOLVED,
        source="AWS SDK for Java 2.x, SdkClientException",
        certainty=_DOCUMENTED,
    ),
    KnownText(
        id="java-untrusted",
        writer=_JAVA,
        patterns=("unable to find valid certification path to requested target",),
        means="The program does not trust the issuer of the certificate: TLS is intercepted, or Java's own trust store "
        "lacks Amazon's roots.",
        codes=_UNTRUSTED,
        advice="Java has a trust store of its own, which backuplink does not read.",
        source="OpenJDK, sun.security.provider.certpath",
        certainty=_DOCUMENTED,
    ),
    KnownText(
        id="java-no-credentials",
        writer=_JAVA,
        patterns=(
            "Unable to load credentials from any of the providers in the chain",
            "Unable to load AWS credentials from any provider in the chain",
        ),
        means="No source of credentials gave any.",
        codes=_NO_CREDENTIALS,
        nearness=Nearness.CONSEQUENCE,
        source="AWS SDK for Java 2.x, AwsCredentialsProviderChain",
        certainty=_DOCUMENTED,
    ),
    # --- JavaScript ---
    KnownText(
        id="node-not-found",
        writer=_NODE,
        patterns=("getaddrinfo ENOTFOUND", "UnknownEndpoint: Inaccessible host:"),
        means="The name of the host has no address.",
        codes=_NOT_FOUND,
        source="GitHub, aws/aws-sdk-js#3966 and #3286",
        certainty=_REPORTED,
    ),
    KnownText(
        id="node-dns-failure",
        writer=_NODE,
        patterns=("getaddrinfo EAI_AGAIN",),
        means="The name server does not answer, or answers that it failed.",
        codes=_NAME_FAILS,
        source="getaddrinfo(3)",
        certainty=_CERTAIN,
    ),
    KnownText(
        id="node-timeout",
        writer=_NODE,
        patterns=(
            "connect ETIMEDOUT {peer}",
            "Socket timed out without establishing a connection",
            "UND_ERR_CONNECT_TIMEOUT",
            "Connect Timeout Error",
        ),
        means="Nothing answered at this address.",
        codes=_PATH,
        source="GitHub, aws/aws-sdk-js#2785",
        certainty=_REPORTED,
    ),
    KnownText(
        id="node-refused",
        writer=_NODE,
        patterns=("connect ECONNREFUSED {peer}", "connect EHOSTUNREACH {peer}", "connect ENETUNREACH {peer}"),
        means="The connection failed at once: refused, or without a route.",
        codes=_REFUSED,
        source="Node.js documentation, Errors, Common system errors",
        certainty=_DOCUMENTED,
    ),
    KnownText(
        id="node-closed",
        writer=_NODE,
        patterns=(
            "read ECONNRESET",
            "socket hang up",
            "Client network socket disconnected before secure TLS connection was established",
        ),
        means="The connection was cut during the TLS handshake, or before the answer.",
        codes=_CUT,
        source="Node.js documentation, Errors, Common system errors",
        certainty=_DOCUMENTED,
    ),
    # --- Any program, where no other text of the line says it ---
    KnownText(
        id="any-timeout",
        writer="Any program",
        patterns=("Connection timed out", "connect timed out", "Connect timeout"),
        means="Nothing answered at the address that the program called.",
        codes=_PATH,
        yields=True,
        source=_ERRNO,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="any-refused",
        writer="Any program",
        patterns=("Connection refused", "No route to host", "Network is unreachable"),
        means="The connection failed at once: refused, or without a route.",
        codes=_REFUSED,
        yields=True,
        source=_ERRNO,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="any-closed",
        writer="Any program",
        patterns=("Connection reset by peer", "Broken pipe"),
        means="The connection was cut during the TLS handshake, before the answer, or while it was idle.",
        codes=_CUT,
        yields=True,
        source=_ERRNO,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="node-no-credentials",
        writer=_NODE,
        patterns=("Could not load credentials from any providers", "Missing credentials in config"),
        means="No source of credentials gave any.",
        codes=_NO_CREDENTIALS,
        nearness=Nearness.CONSEQUENCE,
        source="AWS SDK for JavaScript, CredentialsProviderError",
        certainty=_DOCUMENTED,
    ),
    # --- .NET and PowerShell ---
    KnownText(
        id="dotnet-timeout",
        writer=_DOTNET,
        patterns=(
            "did not properly respond after a period of time",
            "The request was canceled due to the configured HttpClient.Timeout of",
            "Unable to connect to the remote server",
            "has failed to respond {peer}",
            "System.Net.WebException: The operation has timed out",
            "SocketException (10060)",
        ),
        means="Nothing answered at any address of the host.",
        codes=_PATH,
        source=_DOTNET_PAGE,
        certainty=_DOCUMENTED,
    ),
    KnownText(
        id="dotnet-not-found",
        writer=_DOTNET,
        patterns=(
            "The remote name could not be resolved: '{host}'",
            "No such host is known",
            "SocketException (11001)",
        ),
        means="The name of the host has no address.",
        codes=_NOT_FOUND,
        source=_DOTNET_PAGE,
        certainty=_DOCUMENTED,
    ),
    KnownText(
        id="dotnet-dns-failure",
        writer=_DOTNET,
        patterns=("This is usually a temporary error during hostname resolution",),
        means="No name server of this host gives an answer.",
        codes=_NAME_FAILS,
        source=_DOTNET_PAGE,
        certainty=_DOCUMENTED,
    ),
    KnownText(
        id="dotnet-refused",
        writer=_DOTNET,
        patterns=(
            "No connection could be made because the target machine actively refused it",
            "A socket operation was attempted to an unreachable network",
            "A socket operation was attempted to an unreachable host",
            "SocketException (10061)",
        ),
        means="The connection failed at once: refused, or without a route.",
        codes=_REFUSED,
        source=_DOTNET_PAGE,
        certainty=_DOCUMENTED,
    ),
    KnownText(
        id="dotnet-forbidden",
        writer=_DOTNET,
        patterns=("An attempt was made to access a socket in a way forbidden by its access permissions",),
        means="A firewall on this host itself stops the program.",
        codes=("TCP005",),
        source="GitHub, aws/aws-sdk-net#489",
        certainty=_REPORTED,
    ),
    KnownText(
        id="dotnet-untrusted",
        writer=_DOTNET,
        patterns=(
            "The remote certificate is invalid according to the validation procedure",
            "The remote certificate is invalid because of errors in the certificate chain",
            "Could not establish trust relationship for the SSL/TLS secure channel",
            "RemoteCertificateNameMismatch",
            "UntrustedRoot",
            "PartialChain",
        ),
        means="The program does not trust the certificate: TLS is intercepted, or Amazon's roots are missing.",
        codes=_UNTRUSTED,
        source=".NET, System.Net.Security.SslStream",
        certainty=_DOCUMENTED,
    ),
    KnownText(
        id="dotnet-closed",
        writer=_DOTNET,
        patterns=(
            "An existing connection was forcibly closed by the remote host",
            "The underlying connection was closed: An unexpected error occurred on a send",
            "Could not create SSL/TLS secure channel",
            "SocketException (10054)",
        ),
        means="The connection was cut during the TLS handshake, or both sides have no TLS version in common.",
        codes=("TLS005", "TLS009", "HTTP006", "TCP012", "ENV007"),
        source=_DOTNET_PAGE,
        certainty=_DOCUMENTED,
    ),
    KnownText(
        id="dotnet-no-tls",
        writer=_DOTNET,
        patterns=("The SSL connection could not be established",),
        means="The TLS handshake fails; the exception inside says why.",
        codes=("TLS001", "TLS005", "TLS009", "TLS008"),
        nearness=Nearness.CONSEQUENCE,
        source=".NET, System.Net.Http.HttpRequestException",
        certainty=_DOCUMENTED,
    ),
    KnownText(
        id="dotnet-no-credentials",
        writer=_DOTNET,
        patterns=(
            "Unable to get IAM security credentials from EC2 Instance Metadata Service",
            "Unable to find credentials",
            "Failed to resolve AWS credentials",
        ),
        means="No source of credentials gave any: no role, or no path to instance metadata.",
        codes=_NO_CREDENTIALS,
        nearness=Nearness.CONSEQUENCE,
        source="GitHub, aws/aws-sdk-net#1609",
        certainty=_REPORTED,
    ),
    # --- The AWS Common Runtime, and Rust ---
    KnownText(
        id="crt-not-found",
        writer=_RUST,
        patterns=("AWS_IO_DNS_QUERY_FAILED",),
        means="The name of the host has no address, or no name server answers.",
        codes=_UNRESOLVED,
        source="aws-c-io, error codes",
        certainty=_DOCUMENTED,
    ),
    KnownText(
        id="crt-timeout",
        writer=_RUST,
        patterns=(
            "AWS_IO_SOCKET_TIMEOUT",
            "socket operation timed out",
        ),
        means="Nothing answered at any address of the host.",
        codes=_PATH,
        source="aws-c-io, error codes",
        certainty=_DOCUMENTED,
    ),
    KnownText(
        id="crt-no-credentials",
        writer=_RUST,
        patterns=("Attempt to sign an http request without credentials", "the credential provider was not enabled"),
        means="No source of credentials gave any.",
        codes=_NO_CREDENTIALS,
        nearness=Nearness.CONSEQUENCE,
        source="aws-c-auth, error codes, and AWS SDK for Rust, CredentialsError",
        certainty=_DOCUMENTED,
    ),
    KnownText(
        id="crt-untrusted",
        writer=_RUST,
        patterns=("invalid peer certificate: UnknownIssuer", "AWS_IO_TLS_ERROR_NEGOTIATION_FAILURE"),
        means="The TLS handshake fails: the program does not trust the issuer, or TLS is intercepted.",
        codes=_UNTRUSTED,
        source="rustls, CertificateError, and aws-c-io, error codes",
        certainty=_DOCUMENTED,
    ),
    # --- Answers of AWS about credentials, signature and account ---
    KnownText(
        id="aws-token-expired",
        writer=_SERVICE,
        patterns=("The security token included in the request is expired", "ExpiredToken"),
        means="The session of these credentials is over, or the host's clock differs from AWS's.",
        codes=("API002", "ENV010"),
        nearness=Nearness.REASON,
        source=_ERRORS_PAGE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="aws-token-invalid",
        writer=_SERVICE,
        patterns=(
            "The security token included in the request is invalid",
            "UnrecognizedClientException",
            "InvalidClientTokenId",
            "AWS was not able to validate the provided access credentials",
            "InvalidAccessKeyId",
            "does not exist in our records",
        ),
        means="AWS does not know these credentials: wrong or deleted, of another partition, or of a Region that the "
        "account has not enabled.",
        codes=("API003", "API011"),
        nearness=Nearness.REASON,
        source=_ERRORS_PAGE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="aws-signature-mismatch",
        writer=_SERVICE,
        patterns=(
            "The request signature we calculated does not match the signature you provided",
            "SignatureDoesNotMatch",
            "IncompleteSignature",
        ),
        means="The secret key is wrong, or a proxy changed the request on its way.",
        codes=("API004", "ENV007"),
        unless=("Signature expired:", "Signature not yet current:", "Credential should be scoped"),
        nearness=Nearness.REASON,
        source=_SIGNING_PAGE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="aws-signature-time",
        writer=_SERVICE,
        patterns=("Signature expired: {word} is now earlier than", "Signature not yet current: {word} is still later"),
        means="This host's clock is wrong. The first time in the text is the host's; the time in parentheses is AWS's.",
        codes=("ENV010", "API005"),
        nearness=Nearness.REASON,
        source=_SIGNING_PAGE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="aws-request-expired",
        writer=_EC2,
        patterns=(
            "RequestExpired",
            "RequestTimeTooSkewed",
            "Request has expired",
            "The difference between the request time and the current time is too large",
        ),
        means="This host's clock is wrong, or the session of the credentials is over.",
        codes=("ENV010", "API005", "API002"),
        nearness=Nearness.REASON,
        source=_EC2_ERRORS_PAGE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="aws-scope",
        writer=_SERVICE,
        patterns=(
            "Credential should be scoped to a valid region",
            "Credential should be scoped to correct service",
            "Credential should be scoped with a valid terminator",
        ),
        means="The call is signed for another Region or service than the endpoint that answered.",
        codes=("API006", "ENV005", "ENV008"),
        nearness=Nearness.REASON,
        source=_SIGNING_PAGE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="s3-bucket-region",
        writer="Amazon S3, through any SDK",
        patterns=("must be addressed using the specified endpoint", "PermanentRedirect"),
        means="The bucket is in another Region than the one whose endpoint was called.",
        codes=("API006", "ENV008", "HTTP002"),
        services=("s3",),
        nearness=Nearness.REASON,
        source="Amazon S3 API Reference, Error responses",
        certainty=_DOCUMENTED,
    ),
    KnownText(
        id="aws-unsigned",
        writer=_SERVICE,
        patterns=("Missing Authentication Token", "MissingAuthenticationToken"),
        means="AWS got the call without a signature: the program did not sign it, or a proxy took the header away.",
        codes=("API009", "ENV007"),
        nearness=Nearness.REASON,
        source=_ERRORS_PAGE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="aws-subscription",
        writer=_SERVICE,
        patterns=("OptInRequired", "SubscriptionRequiredException", "needs a subscription for th"),
        means="The account has to opt in to the service or the Region.",
        codes=("API008",),
        nearness=Nearness.REASON,
        source=_ERRORS_PAGE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="aws-throttled",
        writer=_SERVICE,
        patterns=("ThrottlingException", "RequestLimitExceeded", "TooManyRequestsException", "Rate exceeded"),
        means="The account makes more calls than it may; the path works.",
        codes=("API007",),
        nearness=Nearness.REASON,
        source=_ERRORS_PAGE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="aws-fault",
        writer=_SERVICE,
        patterns=("ServiceUnavailableException", "(ServiceUnavailable)", "(InternalFailure)"),
        means="The service itself failed; the path works.",
        codes=("HTTP005",),
        nearness=Nearness.REASON,
        source=_ERRORS_PAGE,
        certainty=_CERTAIN,
    ),
    # --- Denials ---
    KnownText(
        id="denied-endpoint-policy",
        writer=_SERVICE,
        patterns=("because no VPC endpoint policy allows",),
        means="The policy of the endpoint does not allow the call; the call went through the endpoint, so the path "
        "works.",
        codes=("IAM001", "VPC008"),
        nearness=Nearness.REASON,
        source=_DENIED_PAGE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="denied-endpoint-policy-explicit",
        writer=_SERVICE,
        patterns=("with an explicit deny in a VPC endpoint policy",),
        means="The policy of the endpoint denies the call; the call went through the endpoint, so the path works.",
        codes=("IAM002", "VPC008"),
        nearness=Nearness.REASON,
        source=_DENIED_PAGE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="denied-identity-policy",
        writer=_SERVICE,
        patterns=(
            "because no identity-based policy allows",
            "with an explicit deny in an identity-based policy",
            "with an explicit deny in an identity policy",
        ),
        means="The policies of the role or user do not allow the call, or deny it.",
        codes=("IAM003",),
        advice="A condition on aws:SourceVpce or aws:SourceVpc also fails where the call does not go through the "
        "endpoint: DNS001 and ENV007 tell.",
        unless=(_OTHER_DENIAL,),
        nearness=Nearness.REASON,
        source=_DENIED_PAGE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="denied-service-control-policy",
        writer=_SERVICE,
        patterns=(
            "because no service control policy allows",
            "with an explicit deny in a service control policy",
        ),
        means="A service control policy of the organisation denies the call.",
        codes=("IAM004",),
        unless=(_OTHER_DENIAL,),
        nearness=Nearness.REASON,
        source=_DENIED_PAGE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="denied-resource-control-policy",
        writer=_SERVICE,
        patterns=("with an explicit deny in a resource control policy",),
        means="A resource control policy of the resource's organisation denies the call.",
        codes=("IAM005",),
        unless=(_OTHER_DENIAL,),
        nearness=Nearness.REASON,
        source=_DENIED_PAGE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="denied-boundary",
        writer=_SERVICE,
        patterns=("because no permissions boundary allows", "with an explicit deny in a permissions boundary"),
        means="The permissions boundary of the role or user does not allow the call, or denies it.",
        codes=("IAM006",),
        unless=(_OTHER_DENIAL,),
        nearness=Nearness.REASON,
        source=_DENIED_PAGE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="denied-session-policy",
        writer=_SERVICE,
        patterns=(
            "because no session policy allows",
            "with an explicit deny in a session policy",
            "with an explicit deny in a sessions policy",
        ),
        means="The policy of the session does not allow the call, or denies it.",
        codes=("IAM007",),
        unless=(_OTHER_DENIAL,),
        nearness=Nearness.REASON,
        source=_DENIED_PAGE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="denied-resource-policy",
        writer=_SERVICE,
        patterns=(
            "because no resource-based policy allows",
            "with an explicit deny in a resource-based policy",
        ),
        means="The policy of the resource, such as a vault's access policy, does not allow the call, or denies it.",
        codes=("IAM008",),
        unless=(_OTHER_DENIAL,),
        nearness=Nearness.REASON,
        source=_DENIED_PAGE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="denied-role-trust",
        writer="AWS STS, through any SDK",
        patterns=(
            "because no role trust policy allows",
            "with an explicit deny in the role trust policy",
            "Not authorized to perform sts:AssumeRoleWithWebIdentity",
            "when calling the AssumeRole operation",
            "when calling the AssumeRoleWithWebIdentity operation",
            "is not authorized to perform: sts:AssumeRole",
        ),
        means="STS does not let these credentials assume the role, so there are none for the call itself.",
        codes=("API010",),
        services=("sts",),
        nearness=Nearness.REASON,
        source=_DENIED_PAGE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="denied-without-reason",
        writer=_SERVICE,
        patterns=(
            "is not authorized to perform: {word}",
            "AccessDenied",
            "Access Denied",
        ),
        means="AWS denies the call and does not say which policy.",
        codes=("IAM009",),
        yields=True,
        unless=("Access denied for user",),  # of a database
        source=_DENIED_PAGE,
        certainty=_CERTAIN,
    ),
    KnownText(
        id="denied-ec2",
        writer=_EC2,
        patterns=("You are not authorized to perform this operation", "UnauthorizedOperation"),
        means="The role or user may not make this call of EC2. In the message of a backup job, it is the role of the "
        "job.",
        codes=("VPC013",),
        advice="backuplink does without reads of EC2, and then names fewer causes; `backuplink permissions` prints the "
        "policy for them.",
        nearness=Nearness.REASON,
        unless=("your AWS Backup role",),
        source=_EC2_ERRORS_PAGE,
        certainty=_CERTAIN,
    ),
)
