"""The services that the catalogue knows, with one record for each, and functions that derive names and hosts from the
records.

Sources: ports from *AWS PrivateLink* in the AWS Backup Developer Guide, their roles from *Requirements* in the Storage
Gateway User Guide; PrivateLink service names from *AWS services that integrate with AWS PrivateLink*, the data plane of
AWS Backup from *AWS PrivateLink* in the AWS Backup Developer Guide, and names of other partitions from aws-cdk-lib
2.275.0, which does not prove them; FIPS hosts from *AWS Backup endpoints and quotas*; hosts without a service model
from *Improve the security of EC2 instances by using VPC endpoints for Systems Manager* and, for the data plane of AWS
Backup, from the AWS SDK for Java 2.x (backupstorage 2018-04-10); signed calls from the service models of botocore
1.44.8; their actions and resources from the Service Authorization Reference; their rates from each service's page of
quotas.

An unsigned `GET /` to a service with a query protocol, to Route 53 or to S3 is answered with a redirect to a page about
the service, so for these services the unsigned request names the operation (hashicorp/vault pull request 3983,
aws/aws-sdk-js-v3 issue 3051).
"""

from collections.abc import Iterable
from typing import Final

from agent.catalog.buckets import head_bucket
from agent.catalog.partitions import partition_of
from agent.catalog.regions import HOSTS, REGIONS, SIGNING_REGIONS
from agent.catalog.service import USUAL_PREFIX, CallPermission, GlobalHost, Port, PrivateLink, Service
from agent.catalog.workload_calls import calls_of
from agent.settings import Workload
from probes.model import AnswerForm, PortProtocol, SignedCall, Target
from probes.ports import HTTPS, SUPPORT_CHANNEL

_HTTPS: Final = Port(number=HTTPS, role="API", required=True, protocol=PortProtocol.HTTPS)
_GATEWAY_PORTS: Final = (
    _HTTPS,
    Port(number=1026, role="control plane", required=True),
    Port(number=1027, role="activation", required=False, blocks_new=True),
    Port(number=1028, role="proxy", required=True),
    Port(number=1031, role="data plane", required=True),
    Port(number=SUPPORT_CHANNEL, role="AWS Support's channel", required=False, protocol=PortProtocol.TCP),
)
_GATEWAY_HOSTS: Final = ("anon-cp", "client-cp", "dp-1", "proxy-app")
"""First labels of the hosts of a gateway, for activation, control, data and proxy (AWS Backup Developer Guide,
Configure your infrastructure to use Backup gateway; Storage Gateway User Guide, Requirements)."""
_HANA: Final = ("SAP HANA on Amazon EC2",)
"""The resource type of SAP HANA jobs. AWS Backup starts these jobs on the host through Run Command of Systems Manager,
and the host's agent sends the data (AWS Backup Developer Guide, SAP HANA databases on Amazon EC2 instances backup)."""
VIRTUAL_MACHINE: Final = "VirtualMachine"
"""The resource type of jobs whose data a gateway sends (AWS Backup Developer Guide, Virtual machine backups)."""
_EVERY_OTHER: Final = frozenset({"aws-cn", "aws-eusc", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f"})
_BEIJING_AND_NINGXIA: Final = {"aws-cn": "cn.com.amazonaws"}
_WITH_LEGACY_GLOBAL_HOST: Final = frozenset(
    {
        *("ap-northeast-1", "ap-south-1", "ap-southeast-1", "ap-southeast-2", "ca-central-1", "eu-central-1"),
        *("eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3", "sa-east-1"),
        *("us-east-1", "us-east-2", "us-west-1", "us-west-2"),
    }
)
"""Regions for which the SDK may use the global host of STS (botocore 1.44.8)."""
_US_ISO: Final = {"aws-iso": "gov.ic.c2s", "us-isob-east-1": "gov.sgov.sc2s"}


def _json_call(version: str, target: str, body: bytes, key: str, *, may_be_empty: bool = False) -> SignedCall:
    """A call in the protocol JSON, in this version; the header X-Amz-Target names the operation."""
    return SignedCall(
        name=target.rpartition(".")[2],
        method="POST",
        path="/",
        headers=(("Content-Type", f"application/x-amz-json-{version}"), ("X-Amz-Target", target)),
        body=body,
        key=key,
        may_be_empty=may_be_empty,
    )


def _query_call(name: str, version: str, key: str, parameters: str = "") -> SignedCall:
    """A call in the protocol Query, or in EC2's variant of this protocol."""
    return SignedCall(
        name=name,
        method="POST",
        path="/",
        headers=(("Content-Type", "application/x-www-form-urlencoded; charset=utf-8"),),
        body=f"Action={name}&Version={version}{parameters}".encode(),
        key=key,
    )


def _fips(label: str) -> PrivateLink:
    """The endpoint service of the FIPS hosts. AWS documents it without saying in which partitions it exists."""
    return PrivateLink(label=label, of_fips=True, documented_in=frozenset({"aws"}))


SERVICES: Final = {
    service.name: service
    for service in (
        Service(
            name="backup",
            sdk_id="Backup",
            signing_name="backup",
            host_label="backup",
            private_links=(
                PrivateLink(
                    label="backup",
                    prefixes=_BEIJING_AND_NINGXIA,
                    documented_in=frozenset({"aws", "aws-cn", "aws-us-gov"}),
                ),
            ),
            ports=(_HTTPS,),
            call=SignedCall(
                name="ListBackupVaults",
                method="GET",
                path="/backup-vaults/?maxResults=1",
                key="BackupVaultList",
            ),
            permission=CallPermission(action="backup:ListBackupVaults"),
            call_is_own=True,
            calls_per_second=20,
            lists_jobs=True,
            documented_fips_regions=frozenset(
                ("ca-central-1 ca-west-1 us-east-1 us-east-2 us-west-1 us-west-2 us-gov-east-1 us-gov-west-1").split()
            ),
        ),
        Service(
            name="backup-gateway",
            sdk_id="Backup Gateway",
            signing_name="backup-gateway",
            host_label="backup-gateway",
            private_links=(PrivateLink(label="backup-gateway"),),
            ports=_GATEWAY_PORTS,
            call=SignedCall(
                name="ListGateways",
                method="POST",
                path="/",
                headers=(
                    ("Content-Type", "application/x-amz-json-1.0"),
                    ("X-Amz-Target", "BackupOnPremises_v20210101.ListGateways"),
                ),
                body=b'{"MaxResults":50}',  # each item has a few hundred bytes, so all fit into MAX_BODY_BYTES
                key="Gateways",
                lists_gateways=True,
            ),
            permission=CallPermission(action="backup-gateway:ListGateways"),
            call_is_own=True,
            job_kinds=(VIRTUAL_MACHINE,),
            has_job_data=True,
            appliance_labels=_GATEWAY_HOSTS,
            absent_in=_EVERY_OTHER,
        ),
        Service(
            name="backup-storage",
            client="",
            sdk_id="",
            signing_name="backup-storage",
            host_label="backupstorage",
            private_links=(PrivateLink(label="backup-storage", documented_in=frozenset({"aws"})),),
            ports=(_HTTPS,),
            call=None,  # every operation belongs to a backup or restore job
            permission=None,
            job_kinds=_HANA,
            has_job_data=True,
        ),
        Service(
            name="backup-search",
            client="backupsearch",
            sdk_id="BackupSearch",
            signing_name="backup-search",
            host_label="backup-search",
            private_links=(),
            ports=(_HTTPS,),
            call=SignedCall(name="ListSearchJobs", method="GET", path="/search-jobs?MaxResults=1", key="SearchJobs"),
            permission=CallPermission(action="backup-search:ListSearchJobs"),
        ),
        Service(
            name="sts",
            sdk_id="STS",
            signing_name="sts",
            host_label="sts",
            private_links=(PrivateLink(label="sts", prefixes=_BEIJING_AND_NINGXIA), _fips("sts-fips")),
            ports=(_HTTPS,),
            call=_query_call("GetCallerIdentity", "2011-06-15", "Arn"),
            permission=CallPermission(action="sts:GetCallerIdentity", is_needed=False),
            call_is_own=True,
            calls_per_second=600,
            gives_credentials=True,
            unsigned_path="/?Action=GetCallerIdentity&Version=2011-06-15",
            answers=AnswerForm.XML,
            global_host=GlobalHost(
                host="sts.amazonaws.com",
                signing_region="us-east-1",
                regions=_WITH_LEGACY_GLOBAL_HOST,
                setting="sts_regional_endpoints",
                is_usual=False,
                may_be_covered=False,
            ),
        ),
        Service(
            name="ssm",
            sdk_id="SSM",
            signing_name="ssm",
            host_label="ssm",
            private_links=(
                PrivateLink(label="ssm"),
                PrivateLink(label="ssm-fips", of_fips=True, documented_in=frozenset()),
            ),
            ports=(_HTTPS,),
            call=_json_call("1.1", "AmazonSSM.ListAssociations", b'{"MaxResults":1}', "Associations"),
            permission=CallPermission(action="ssm:ListAssociations"),
            job_kinds=_HANA,
        ),
        Service(
            name="ssmmessages",
            client="",
            sdk_id="",
            signing_name="ssmmessages",
            host_label="ssmmessages",
            private_links=(PrivateLink(label="ssmmessages"),),
            ports=(_HTTPS,),
            call=None,  # its operations open channels
            permission=None,
            job_kinds=_HANA,
            # The path is that of StreamUrl, with a session that cannot exist (Systems Manager API Reference,
            # StartSession).
            websocket_path="/v1/data-channel/backuplink?stream=input",
        ),
        Service(
            name="ec2messages",
            client="",
            sdk_id="",
            signing_name="ec2messages",
            host_label="ec2messages",
            private_links=(PrivateLink(label="ec2messages"),),
            ports=(_HTTPS,),
            call=None,  # its operations would take messages that are for the agent
            permission=None,
        ),
        Service(
            name="ssm-sap",
            sdk_id="Ssm Sap",
            signing_name="ssm-sap",
            host_label="ssm-sap",
            private_links=(PrivateLink(label="ssm-sap", documented_in=frozenset({"aws"})), _fips("ssm-sap-fips")),
            ports=(_HTTPS,),
            call=SignedCall(
                name="ListApplications",
                method="POST",
                path="/list-applications",
                headers=(("Content-Type", "application/json"),),
                body=b'{"MaxResults":1}',
                key="Applications",
            ),
            permission=CallPermission(action="ssm-sap:ListApplications"),
        ),
        Service(
            name="ec2",
            sdk_id="EC2",
            signing_name="ec2",
            host_label="ec2",
            private_links=(PrivateLink(label="ec2", prefixes={**_BEIJING_AND_NINGXIA, **_US_ISO}), _fips("ec2-fips")),
            ports=(_HTTPS,),
            call=_query_call("DescribeRegions", "2016-11-15", "regionInfo"),
            permission=CallPermission(action="ec2:DescribeRegions"),
            calls_per_second=20,
            unsigned_path="/?Action=DescribeRegions&Version=2016-11-15",
            answers=AnswerForm.XML,
        ),
        Service(
            name="ebs",
            sdk_id="EBS",
            signing_name="ebs",
            host_label="ebs",
            private_links=(
                PrivateLink(
                    label="ebs",
                    prefixes={
                        **_BEIJING_AND_NINGXIA,
                        **_US_ISO,
                        "aws-iso-e": "uk.adc-e.cloud",
                        "aws-iso-f": "gov.ic.hci.csp",
                    },
                ),
                _fips("ebs-fips"),
            ),
            ports=(_HTTPS,),
            call=None,  # its reads need a snapshot, and are charged
            permission=None,
        ),
        Service(
            name="kms",
            sdk_id="KMS",
            signing_name="kms",
            host_label="kms",
            private_links=(PrivateLink(label="kms"), _fips("kms-fips")),
            ports=(_HTTPS,),
            call=_json_call("1.1", "TrentService.ListAliases", b'{"Limit":1}', "Aliases"),
            permission=CallPermission(action="kms:ListAliases"),
            calls_per_second=500,
        ),
        Service(
            name="s3",
            sdk_id="S3",
            signing_name="s3",
            host_label="s3",
            # In China, too, the gateway endpoint's name begins with com.amazonaws.
            private_links=(PrivateLink(label="s3", prefixes=_BEIJING_AND_NINGXIA),),
            ports=(_HTTPS,),
            call=None,  # HeadBucket needs a bucket that is known to belong to the caller
            permission=None,
            bucket_permission=CallPermission(action="s3:ListBucket", resource="arn:{partition}:s3:::{bucket}"),
            unsigned_path="/-",  # no bucket can have this name
            answers=AnswerForm.S3,
            global_host=GlobalHost(
                host="s3.amazonaws.com",
                signing_region="us-east-1",
                regions=frozenset({"us-east-1"}),
                setting="s3_us_east_1_regional_endpoint",
                is_usual=True,
                may_be_covered=True,
            ),
            has_gateway_endpoint=True,
        ),
        Service(
            name="logs",
            sdk_id="CloudWatch Logs",
            signing_name="logs",
            host_label="logs",
            private_links=(PrivateLink(label="logs"),),
            ports=(_HTTPS,),
            call=_json_call("1.1", "Logs_20140328.DescribeLogGroups", b'{"limit":1}', "logGroups"),
            permission=CallPermission(
                action="logs:DescribeLogGroups", resource="arn:{partition}:logs:{region}:{account}:log-group:*"
            ),
            calls_per_second=10,
        ),
        Service(
            name="monitoring",
            client="cloudwatch",
            sdk_id="CloudWatch",
            signing_name="monitoring",
            host_label="monitoring",
            private_links=(
                PrivateLink(label="monitoring", prefixes={**_BEIJING_AND_NINGXIA, "us-iso-west-1": "gov.ic.c2s"}),
            ),
            ports=(_HTTPS,),
            call=_query_call("DescribeAlarms", "2010-08-01", "MetricAlarms", "&MaxRecords=1"),
            permission=CallPermission(
                action="cloudwatch:DescribeAlarms", resource="arn:{partition}:cloudwatch:{region}:{account}:alarm:*"
            ),
            calls_per_second=9,
            unsigned_path="/?Action=DescribeAlarms&Version=2010-08-01",
            answers=AnswerForm.XML,
        ),
        Service(
            name="events",
            sdk_id="EventBridge",
            signing_name="events",
            host_label="events",
            private_links=(PrivateLink(label="events"), _fips("events-fips")),
            ports=(_HTTPS,),
            call=_json_call("1.1", "AWSEvents.ListEventBuses", b'{"Limit":1}', "EventBuses"),
            permission=CallPermission(action="events:ListEventBuses"),
            calls_per_second=50,
        ),
        Service(
            name="secretsmanager",
            sdk_id="Secrets Manager",
            signing_name="secretsmanager",
            host_label="secretsmanager",
            private_links=(PrivateLink(label="secretsmanager"),),
            ports=(_HTTPS,),
            call=_json_call("1.1", "secretsmanager.ListSecrets", b'{"MaxResults":1}', "SecretList"),
            permission=CallPermission(action="secretsmanager:ListSecrets"),
            calls_per_second=100,
        ),
        Service(
            name="iam",
            sdk_id="IAM",
            signing_name="iam",
            host_label="iam",
            private_links=(PrivateLink(label="iam", service_regions={"aws": "us-east-1"}),),
            ports=(_HTTPS,),
            call=_query_call("ListAccountAliases", "2010-05-08", "AccountAliases", "&MaxItems=1"),
            permission=CallPermission(action="iam:ListAccountAliases"),
            unsigned_path="/?Action=ListAccountAliases&Version=2010-05-08",
            answers=AnswerForm.XML,
        ),
        Service(
            name="route53",
            sdk_id="Route 53",
            signing_name="route53",
            host_label="route53",
            private_links=(
                PrivateLink(label="route53", partitions=frozenset({"aws"}), service_regions={"aws": "us-east-1"}),
            ),
            ports=(_HTTPS,),
            call=SignedCall(
                name="GetHostedZoneCount", method="GET", path="/2013-04-01/hostedzonecount", key="HostedZoneCount"
            ),
            permission=CallPermission(action="route53:GetHostedZoneCount"),
            calls_per_second=5,
            unsigned_path="/2013-04-01/hostedzonecount",
            answers=AnswerForm.XML,
        ),
        Service(
            name="route53resolver",
            sdk_id="Route53Resolver",
            signing_name="route53resolver",
            host_label="route53resolver",
            private_links=(),
            ports=(_HTTPS,),
            call=_json_call(
                "1.1", "Route53Resolver.ListResolverRuleAssociations", b'{"MaxResults":1}', "ResolverRuleAssociations"
            ),
            permission=CallPermission(action="route53resolver:ListResolverRuleAssociations"),
            calls_per_second=5,
        ),
        Service(
            name="tagging",
            client="resourcegroupstaggingapi",
            sdk_id="Resource Groups Tagging API",
            signing_name="tagging",
            host_label="tagging",
            private_links=(PrivateLink(label="tagging"),),
            ports=(_HTTPS,),
            call=_json_call("1.1", "ResourceGroupsTaggingAPI_20170126.GetTagKeys", b"{}", "TagKeys"),
            permission=CallPermission(action="tag:GetTagKeys"),
            calls_per_second=5,
        ),
        Service(
            name="sns",
            sdk_id="SNS",
            signing_name="sns",
            host_label="sns",
            private_links=(PrivateLink(label="sns", prefixes=_US_ISO),),
            ports=(_HTTPS,),
            call=_query_call("ListTopics", "2010-03-31", "Topics"),
            permission=CallPermission(action="sns:ListTopics"),
            calls_per_second=30,
            unsigned_path="/?Action=ListTopics&Version=2010-03-31",
            answers=AnswerForm.XML,
        ),
        Service(
            name="sqs",
            sdk_id="SQS",
            signing_name="sqs",
            host_label="sqs",
            private_links=(PrivateLink(label="sqs", prefixes={**_BEIJING_AND_NINGXIA, **_US_ISO}), _fips("sqs-fips")),
            ports=(_HTTPS,),
            call=_json_call("1.0", "AmazonSQS.ListQueues", b'{"MaxResults":1}', "QueueUrls", may_be_empty=True),
            permission=CallPermission(action="sqs:ListQueues"),
        ),
        Service(
            name="cloudtrail",
            sdk_id="CloudTrail",
            signing_name="cloudtrail",
            host_label="cloudtrail",
            private_links=(PrivateLink(label="cloudtrail"),),
            ports=(_HTTPS,),
            call=_json_call(
                "1.1", "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.ListTrails", b"{}", "Trails"
            ),
            permission=CallPermission(action="cloudtrail:ListTrails"),
            calls_per_second=10,
        ),
        Service(
            name="storagegateway",
            sdk_id="Storage Gateway",
            signing_name="storagegateway",
            host_label="storagegateway",
            private_links=(PrivateLink(label="storagegateway"),),
            ports=_GATEWAY_PORTS,
            call=_json_call("1.1", "StorageGateway_20130630.ListGateways", b'{"Limit":1}', "Gateways"),
            permission=CallPermission(action="storagegateway:ListGateways"),
            job_kinds=(VIRTUAL_MACHINE,),
            has_job_data=True,
            appliance_labels=_GATEWAY_HOSTS,
        ),
    )
}
"""Every service, by name, in the order of reports."""


def checkable() -> tuple[str, ...]:
    """Names of the services that a run can check."""
    return tuple(SERVICES)


def gateway_service_name_of(service: str, region: str) -> str | None:
    """The service name of gateway endpoints to a service, which has the same form in every partition; None for a
    service without gateway endpoints."""
    record = SERVICES[service]
    if not record.has_gateway_endpoint or is_offered(service, region) is False:
        return None
    return f"{USUAL_PREFIX}.{region}.{record.private_links[0].label}"


def gateway_labels(services: Iterable[str]) -> tuple[str, ...]:
    """The last parts of the service names of gateway endpoints to these services."""
    return tuple(
        SERVICES[service].private_links[0].label for service in services if SERVICES[service].has_gateway_endpoint
    )


def call_of(target: Target) -> SignedCall | None:
    """The signed call that a run makes to a target; None if it makes no call."""
    return SERVICES[target.service].call if target.bucket is None else head_bucket(target.bucket)


def permission_of(target: Target) -> CallPermission | None:
    """The permission for the signed call to a target; None if there is no call."""
    service = SERVICES[target.service]
    return service.permission if target.bucket is None else service.bucket_permission


def calls_at(service: str) -> tuple[str, ...]:
    """The actions that an endpoint policy must allow for a service: the actions that workloads call or, if these are
    unknown, backuplink's own call. Empty for a service without a call."""
    permission = SERVICES[service].permission
    if permission is None:
        return ()
    of_workloads = calls_of(tuple(Workload), service)
    return (permission.action,) if is_called(service, permission.action) or not of_workloads else of_workloads


def is_called(service: str, action: str) -> bool:
    """Whether programs that use a service are known to call one of its actions."""
    permission = SERVICES[service].permission
    is_own = SERVICES[service].call_is_own and permission is not None and permission.action == action
    return is_own or action in calls_of(tuple(Workload), service)


def is_own_call(target: Target) -> bool:
    """Whether programs that use the target make its signed call themselves, or need the same permission. A role without
    this permission then lacks something that they need. The policy that AWS gives for the Backint agent allows
    s3:ListBucket on its bucket (SAP HANA on AWS Guides, AWS Backint Agent for SAP HANA prerequisites)."""
    permission = permission_of(target)
    return permission is not None and is_called(target.service, permission.action)


def is_offered(service: str, region: str) -> bool | None:
    """Whether the table lists the service in the Region. None if the table does not have the Region. Also None if the
    SDK's data does not list the service in any Region of the partition, since this proves nothing."""
    known = REGIONS.get(region)
    if known is None:
        return None
    if service in known.services:
        return True
    covered = any(service in other.services for other in REGIONS.values() if other.partition == known.partition)
    return False if covered or known.partition in SERVICES[service].absent_in else None


def may_not_exist(service: str, region: str) -> bool:
    """Whether the Region is in the table, but it is not known whether the host of the service exists there."""
    return region in REGIONS and is_offered(service, region) is None


def host_of(service: str, region: str, *, fips: bool, dual_stack: bool) -> str:
    """The host name that an SDK builds. The host need not exist (endpoint rulesets of botocore 1.44.8)."""
    partition = partition_of(region)
    form = HOSTS.get(service, {}).get(partition.id, {}).get((fips, dual_stack))
    if form is not None:
        return form.format(region=region)
    suffix = partition.dual_stack_dns_suffix if dual_stack else partition.dns_suffix
    return f"{SERVICES[service].host_label}{'-fips' if fips else ''}.{region}.{suffix}"


def signing_region_of(service: str, region: str, *, is_global: bool = False) -> str | None:
    """The Region with which requests to the SDK's hosts are signed, if it is not `region`. It is the Region of a global
    service or, with `is_global`, of the service's global host."""
    whole = SERVICES[service].global_host
    if is_global and whole is not None:
        return whole.signing_region
    signed = SIGNING_REGIONS.get(service, {}).get(partition_of(region).id)
    return None if signed == region else signed


def appliance_hosts(service: str, region: str) -> tuple[tuple[str, str], ...]:
    """The label and the public IPv4 host of each role of the service's appliance. Empty if the service has no
    appliance. The hosts are subdomains of the service's default host. They are therefore inside the zone that private
    DNS adds for this host."""
    default = host_of(service, region, fips=False, dual_stack=False)
    return tuple((label, f"{label}.{default}") for label in SERVICES[service].appliance_labels)


def _is_there(link: PrivateLink, partition: str) -> bool:
    return link.partitions is None or partition in link.partitions


def _name_of(link: PrivateLink, region: str) -> str:
    prefix = link.prefixes.get(region) or link.prefixes.get(partition_of(region).id, USUAL_PREFIX)
    return f"{prefix}.{link.label}" if link.service_regions is not None else f"{prefix}.{region}.{link.label}"


def service_names_of(service: str, region: str, *, fips: bool = False) -> tuple[str, ...]:
    """The PrivateLink service names for the ordinary hosts or, with `fips`, for the FIPS hosts; empty if no endpoint of
    the service is offered."""
    if is_offered(service, region) is False:
        return ()
    partition = partition_of(region).id
    return tuple(_name_of(link, region) for link in SERVICES[service].links(fips=fips) if _is_there(link, partition))


def service_name_of(service: str, region: str, *, fips: bool = False) -> str | None:
    """The PrivateLink service name that reports give; None if no endpoint of the service is offered."""
    return next(iter(service_names_of(service, region, fips=fips)), None)


def is_name_documented(service: str, region: str) -> bool:
    """Whether AWS documents the PrivateLink service name that reports give, and does not say that the Region lacks the
    service."""
    links = SERVICES[service].links(fips=False)
    return (
        bool(links) and partition_of(region).id in links[0].documented_in and is_offered(service, region) is not False
    )


def service_region_of(service: str, region: str) -> str | None:
    """The Region of the endpoint service of a global service, if it is known; None for other services."""
    links = SERVICES[service].private_links
    return (links[0].service_regions or {}).get(partition_of(region).id) if links else None


def private_link_labels(services: Iterable[str], *, is_global: bool = False) -> tuple[str, ...]:
    """The last parts of the PrivateLink service names of these services. By default these are names with a Region; with
    `is_global`, they are the names without a Region, which global services have."""
    return tuple(
        link.label
        for service in services
        for link in SERVICES[service].private_links
        if (link.service_regions is not None) is is_global
    )


def service_of_label(label: str) -> Service | None:
    """The service whose PrivateLink name ends with this label; None if there is no such service."""
    matching = (service for service in SERVICES.values() if label in {link.label for link in service.private_links})
    return next(matching, None)
