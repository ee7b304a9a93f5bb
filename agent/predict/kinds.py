"""The kinds of resources in a plan that can affect paths, names and calls.

The kinds that are followed are in `agent.predict.resources`. A kind that is on none of these lists is not judged.
Nobody has looked at it, so it may have any effect.

Source: documentation of Terraform's AWS provider; CloudFormation Template Reference.
"""

import re
from enum import Enum, auto
from typing import Final

from probes.frozen import dataclass

KIND: Final = re.compile(r"(?:aws|awscc)_[a-z0-9_]{1,80}|(?:AWS|Alexa|Custom)(?:::[A-Za-z0-9_@-]{1,60}){1,3}")
"""The form of a kind of AWS resource, in the spelling of plans and change sets."""


class Part(Enum):
    """Which changes matter to a prediction, for kinds that are not followed."""

    ALWAYS = auto()
    """Any change may matter."""
    ONCE_THERE = auto()
    """Changes and deletions may matter. A created resource does not matter, because no existing resource uses it."""
    NONE = auto()
    """No change of the resource matters."""
    UNKNOWN = auto()
    """A kind of AWS that is on no list."""
    OTHER = auto()
    """A kind of another provider."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """The lists of kinds of resources in one format, such as Terraform's."""

    of_aws: tuple[str, ...]
    """The prefixes of AWS's kinds in this format."""
    always: frozenset[str]
    always_of: tuple[str, ...]
    """Prefixes of the kinds of services in which any change may matter. Kinds in the other lists are excepted."""
    once_there: frozenset[str]
    none: frozenset[str]
    harmless: tuple[str, ...]
    """Prefixes of the kinds of services that never matter."""

    def part_of(self, kind: str) -> Part:
        """Which changes of a kind matter, if the kind is not followed."""
        for part, kinds in ((Part.ONCE_THERE, self.once_there), (Part.NONE, self.none), (Part.ALWAYS, self.always)):
            if kind in kinds:
                return part
        for part, services in ((Part.ALWAYS, self.always_of), (Part.NONE, self.harmless)):
            if kind.startswith(services):
                return part
        return Part.UNKNOWN if kind.startswith(self.of_aws) else Part.OTHER


def _words(prefix: str, text: str) -> frozenset[str]:
    return frozenset(f"{prefix}{word}" for word in text.split())


_SERVICES: Final = """
    AccessAnalyzer Amplify AmazonMQ ApiGateway ApiGatewayV2 AppConfig AppRunner AppSync ApplicationAutoScaling
    Athena AuditManager Backup BackupGateway Batch Bedrock Budgets CDK CE CUR CertificateManager Chatbot CloudFront
    CloudTrail CloudWatch CodeArtifact CodeBuild CodeCommit CodeConnections CodeDeploy CodePipeline
    CodeStarConnections CodeStarNotifications Cognito Config ControlTower DLM DMS DataSync Detective DocDB DynamoDB
    ECR ECS EFS EKS EMR ElastiCache ElasticLoadBalancing ElasticLoadBalancingV2 Elasticsearch Events FSx
    GlobalAccelerator Glue Grafana GuardDuty IAM IdentityStore ImageBuilder Inspector InspectorV2 KMS KafkaConnect
    Kinesis KinesisAnalyticsV2 KinesisFirehose LakeFormation Lambda LicenseManager Logs MSK MWAA Macie MemoryDB
    Neptune Notifications Oam OpenSearchServerless OpenSearchService Organizations Pipes QuickSight RDS RUM Rbin
    Redshift RedshiftServerless ResourceExplorer2 ResourceGroups RolesAnywhere Route53RecoveryControl
    Route53RecoveryReadiness S3 S3Tables SES SNS SQS SSM SSO SageMaker Scheduler SecretsManager SecurityHub
    Serverless ServiceCatalog ServiceCatalogAppRegistry Shield Signer StepFunctions StorageGateway Synthetics
    Timestream Transfer WAF WAFRegional WAFv2 XRay
""".split()
"""Services whose resources are not part of a VPC's configuration. They may have interfaces in a VPC, but these
interfaces are not hosts."""

CLOUDFORMATION: Final = Places(
    of_aws=("AWS::", "Alexa::", "Custom::"),
    always=_words(
        "AWS::",
        """
        CloudFormation::Stack CloudFormation::CustomResource CloudFormation::Macro Serverless::Application
        ServiceCatalog::CloudFormationProvisionedProduct
        """,
    )
    | _words(
        "AWS::EC2::",
        """
        DHCPOptions GatewayRouteTableAssociation LocalGatewayRoute NetworkInterfaceAttachment RouteServer
        RouteServerAssociation RouteServerEndpoint RouteServerPeer RouteServerPropagation SecurityGroupVpcAssociation
        SubnetCidrBlock TransitGatewayAttachment TransitGatewayRoute TransitGatewayRouteTableAssociation
        TransitGatewayRouteTablePropagation TransitGatewayVpcAttachment VPCBlockPublicAccessExclusion
        VPCBlockPublicAccessOptions VPCCidrBlock VPCDHCPOptionsAssociation VPCEncryptionControl VPNConnectionRoute
        VPNGatewayRoutePropagation IpPoolRouteTableAssociation SecondaryNetwork IPAMPrefixListResolver
        IPAMPrefixListResolverTarget TransitGatewayPolicyTable TransitGatewayPolicyTableAssociation
        TransitGatewayPolicyTableEntry
        """,
    ),
    always_of=(
        *("AWS::Route53::", "AWS::Route53Resolver::", "AWS::Route53Profiles::", "AWS::NetworkFirewall::"),
        *("AWS::Route53GlobalResolver::", "AWS::NetworkManager::"),
        *("AWS::ServiceDiscovery::PrivateDnsNamespace", "AWS::VpcLattice::ServiceNetwork"),
    ),
    once_there=_words("AWS::", "RAM::ResourceShare")
    | _words(
        "AWS::EC2::",
        """
        CarrierGateway EgressOnlyInternetGateway InternetGateway NatGateway PrefixList Subnet TransitGateway
        TransitGatewayConnect TransitGatewayConnectPeer TransitGatewayPeeringAttachment TransitGatewayRouteTable
        VPCGatewayAttachment VPCPeeringConnection VPNConnection VPNGateway CustomerGateway LocalGatewayRouteTable
        LocalGatewayRouteTableVPCAssociation LocalGatewayRouteTableVirtualInterfaceGroupAssociation
        LocalGatewayVirtualInterface LocalGatewayVirtualInterfaceGroup VPNConcentrator
        """,
    ),
    none=_words(
        "AWS::EC2::",
        """
        ApplicationStatusCheck CapacityManagerDataExport CapacityReservation CapacityReservationFleet
        ClientVpnAuthorizationRule ClientVpnEndpoint ClientVpnRoute ClientVpnTargetNetworkAssociation EC2Fleet EIP
        EIPAssociation EnclaveCertificateIamRoleAssociation FlowLog FpgaImage Host IPAM IPAMAllocation IPAMPool
        IPAMPoolCidr IPAMResourceDiscovery IPAMResourceDiscoveryAssociation IPAMScope IPv4Pool
        InstanceConnectEndpoint InstanceEventWindow IpamExternalResourceVerificationToken
        IpamInternetRegistryAssociation KeyPair NetworkInsightsAccessScope NetworkInsightsAccessScopeAnalysis
        NetworkInsightsAnalysis NetworkInsightsPath NetworkInterfacePermission NetworkPerformanceMetricSubscription
        PlacementGroup SnapshotBlockPublicAccess SpotFleet SqlHaStandbyDetectedInstance SubnetCidrReservation
        TrafficMirrorFilter TrafficMirrorFilterRule TrafficMirrorSession TrafficMirrorTarget
        TransitGatewayMeteringPolicy TransitGatewayMeteringPolicyEntry TransitGatewayMulticastDomain
        TransitGatewayMulticastDomainAssociation TransitGatewayMulticastGroupMember
        TransitGatewayMulticastGroupSource VPCEndpointConnectionNotification VPCEndpointService
        VPCEndpointServicePermissions VerifiedAccessEndpoint VerifiedAccessGroup VerifiedAccessInstance
        VerifiedAccessTrustProvider Volume VolumeAttachment
        """,
    )
    | _words(
        "AWS::",
        """
        AutoScaling::LifecycleHook AutoScaling::ScalingPolicy AutoScaling::ScheduledAction AutoScaling::WarmPool
        AutoScaling::AutoScalingGroup CloudFormation::WaitCondition CloudFormation::WaitConditionHandle
        Route53::HealthCheck Route53Resolver::ResolverQueryLoggingConfig
        Route53Resolver::ResolverQueryLoggingConfigAssociation
        """,
    )
    | {
        # CDK's own kinds, which do not act on a network: logs, buckets, images, deployments.
        *("Custom::LogRetention", "Custom::S3AutoDeleteObjects", "Custom::CDKBucketDeployment"),
        *("Custom::S3BucketNotifications", "Custom::ECRAutoDeleteImages", "Custom::CDKECRDeployment"),
    },
    harmless=tuple(f"AWS::{service}::" for service in _SERVICES),
)

_PREFIXES: Final = """
    accessanalyzer_ account_ acm_ acmpca_ alb amplify_ api_gateway_ apigatewayv2_ app_ appautoscaling_ appconfig_
    apprunner_ appsync_ athena_ auditmanager_ autoscaling_ backup_ batch_ bedrock_ budgets_ ce_ chatbot_ cloudfront_
    cloudtrail cloudwatch_ codeartifact_ codebuild_ codecommit_ codeconnections_ codedeploy_ codepipeline codestar
    cognito_ config_ controltower_ cur_ datasync_ db_ detective_ devopsguru_ dlm_ dms_ docdb_ docdbelastic_
    dynamodb_ ebs_ ecr_ ecrpublic_ ecs_ efs_ eip eks_ elasticache_ elasticsearch_ elb emr_ fsx_ globalaccelerator_
    glue_ grafana_ guardduty_ iam_ identitystore_ imagebuilder_ inspector kinesis kms_ lakeformation_
    lambda_ lb licensemanager_ load_balancer_ macie2_ memorydb_ mq_ msk_ mskconnect_ mwaa_ neptune_ notifications_
    oam_ opensearch_ opensearchserverless_ organizations_ pipes_ prometheus_ quicksight_ rbin_ rds_ redshift_
    redshiftdata_ redshiftserverless_ resourceexplorer2_ resourcegroups_ rolesanywhere_ rum_ s3_ s3control_
    s3tables_ sagemaker_ scheduler_ schemas_ secretsmanager_ securityhub_ servicecatalog_ servicecatalogappregistry_
    servicequotas_ ses_ sesv2_ sfn_ shield_ signer_ sns_ sqs_ ssm_ ssoadmin_ storagegateway_ synthetics_
    timestreamwrite_ transfer_ waf_ wafregional_ wafv2_ xray_
""".split()

TERRAFORM: Final = Places(
    of_aws=("aws_", "awscc_"),
    always=_words(
        "aws_",
        """
        cloudformation_stack cloudformation_stack_instances cloudformation_stack_set
        cloudformation_stack_set_instance default_subnet default_vpc_dhcp_options ec2_local_gateway_route
        ec2_transit_gateway_default_route_table_association ec2_transit_gateway_default_route_table_propagation
        ec2_transit_gateway_policy_table ec2_transit_gateway_policy_table_association
        ec2_transit_gateway_prefix_list_reference ec2_transit_gateway_route
        ec2_transit_gateway_route_table_association ec2_transit_gateway_route_table_propagation
        ec2_transit_gateway_vpc_attachment ec2_transit_gateway_vpc_attachment_accepter
        ec2_transit_gateway_peering_attachment_accepter internet_gateway_attachment lambda_invocation
        main_route_table_association
        network_interface_attachment networkfirewall_firewall networkfirewall_firewall_policy
        networkfirewall_firewall_transit_gateway_attachment_accepter networkfirewall_resource_policy
        networkfirewall_rule_group networkfirewall_tls_inspection_configuration
        networkfirewall_vpc_endpoint_association networkmanager_attachment_accepter
        networkmanager_core_network_policy_attachment networkmanager_vpc_attachment route53_hosted_zone_dnssec
        route53_record route53_records_exclusive route53_vpc_association_authorization route53_zone
        route53_zone_association service_discovery_private_dns_namespace servicecatalog_provisioned_product
        vpc_block_public_access_exclusion vpc_block_public_access_options vpc_dhcp_options
        vpc_dhcp_options_association vpc_encryption_control vpc_endpoint_connection_accepter
        vpc_ipv4_cidr_block_association vpc_ipv6_cidr_block_association vpc_peering_connection_options
        vpc_route_server vpc_route_server_endpoint vpc_route_server_peer vpc_route_server_propagation
        vpc_route_server_vpc_association vpc_security_group_vpc_association vpn_connection_route
        vpn_gateway_attachment vpn_gateway_route_propagation
        """,
    ),
    always_of=("aws_route53_resolver_", "aws_route53profiles_", "aws_vpclattice_service_network"),
    once_there=_words(
        "aws_",
        """
        customer_gateway dx_bgp_peer dx_connection dx_connection_association dx_connection_confirmation dx_gateway
        dx_gateway_association dx_gateway_association_proposal dx_hosted_connection
        dx_hosted_private_virtual_interface dx_hosted_private_virtual_interface_accepter
        dx_hosted_transit_virtual_interface dx_hosted_transit_virtual_interface_accepter dx_lag
        dx_private_virtual_interface dx_transit_virtual_interface ec2_carrier_gateway
        ec2_local_gateway_route_table_vpc_association ec2_transit_gateway ec2_transit_gateway_connect
        ec2_transit_gateway_connect_peer ec2_transit_gateway_peering_attachment ec2_transit_gateway_route_table
        egress_only_internet_gateway internet_gateway nat_gateway nat_gateway_eip_association
        networkmanager_connect_attachment networkmanager_connect_peer networkmanager_core_network
        networkmanager_dx_gateway_attachment networkmanager_site_to_site_vpn_attachment
        networkmanager_transit_gateway_peering networkmanager_transit_gateway_route_table_attachment
        ram_principal_association ram_resource_association ram_resource_share ram_resource_share_accepter
        ram_sharing_with_organization subnet vpc_peering_connection vpn_concentrator vpn_connection vpn_gateway
        """,
    ),
    none=_words(
        "aws_",
        """
        ami ami_copy ami_from_instance ami_launch_permission dx_hosted_public_virtual_interface
        dx_hosted_public_virtual_interface_accepter dx_macsec_key_association dx_public_virtual_interface
        ec2_allowed_images_settings ec2_availability_zone_group ec2_capacity_block_reservation
        ec2_capacity_reservation ec2_client_vpn_authorization_rule ec2_client_vpn_endpoint
        ec2_client_vpn_network_association ec2_client_vpn_route ec2_default_credit_specification ec2_fleet ec2_host
        ec2_image_block_public_access ec2_instance_connect_endpoint ec2_instance_metadata_defaults
        ec2_instance_state ec2_network_insights_analysis ec2_network_insights_path ec2_serial_console_access
        ec2_subnet_cidr_reservation ec2_tag ec2_traffic_mirror_filter ec2_traffic_mirror_filter_rule
        ec2_traffic_mirror_session ec2_traffic_mirror_target ec2_transit_gateway_multicast_domain
        ec2_transit_gateway_multicast_domain_association ec2_transit_gateway_multicast_group_member
        ec2_transit_gateway_multicast_group_source flow_log key_pair network_interface_permission
        networkfirewall_logging_configuration networkmanager_connection networkmanager_customer_gateway_association
        networkmanager_device networkmanager_global_network networkmanager_link networkmanager_link_association
        networkmanager_site networkflowmonitor_monitor networkflowmonitor_scope
        networkmanager_transit_gateway_connect_peer_association networkmanager_transit_gateway_registration
        networkmonitor_monitor networkmonitor_probe placement_group route53_cidr_collection route53_cidr_location
        route53_delegation_set route53_health_check route53_key_signing_key route53_query_log
        route53_resolver_query_log_config route53_resolver_query_log_config_association route53_traffic_policy
        route53_traffic_policy_instance route53domains_delegation_signer_record route53domains_domain
        route53domains_registered_domain route53recoverycontrolconfig_cluster
        route53recoverycontrolconfig_control_panel route53recoverycontrolconfig_routing_control
        route53recoverycontrolconfig_safety_rule route53recoveryreadiness_cell
        route53recoveryreadiness_readiness_check route53recoveryreadiness_recovery_group
        route53recoveryreadiness_resource_set service_discovery_http_namespace service_discovery_instance
        service_discovery_public_dns_namespace service_discovery_service snapshot_create_volume_permission
        spot_datafeed_subscription spot_fleet_request verifiedaccess_endpoint verifiedaccess_group
        verifiedaccess_instance verifiedaccess_instance_logging_configuration
        verifiedaccess_instance_trust_provider_attachment verifiedaccess_trust_provider volume_attachment
        vpc_endpoint_connection_notification vpc_endpoint_service vpc_endpoint_service_allowed_principal
        vpc_endpoint_service_private_dns_verification vpc_ipam vpc_ipam_organization_admin_account vpc_ipam_pool
        vpc_ipam_pool_cidr vpc_ipam_pool_cidr_allocation vpc_ipam_preview_next_cidr vpc_ipam_resource_discovery
        vpc_ipam_resource_discovery_association vpc_ipam_scope vpc_network_performance_metric_subscription
        vpclattice_access_log_subscription vpclattice_auth_policy vpclattice_domain_verification vpclattice_listener
        vpclattice_listener_rule vpclattice_resource_configuration vpclattice_resource_gateway
        vpclattice_resource_policy vpclattice_service vpclattice_target_group vpclattice_target_group_attachment
        """,
    ),
    harmless=(
        *(f"aws_{prefix}" for prefix in _PREFIXES),
        *(f"awscc_{service.lower()}_" for service in _SERVICES),
    ),
)

BY_ATTRIBUTE: Final = {
    "aws_instance": ("vpc_security_group_ids", "security_groups", "subnet_id", "private_ip", "ipv6_addresses"),
    "aws_network_interface": ("security_groups", "subnet_id", "private_ips", "ipv6_addresses", "attachment"),
    "aws_spot_instance_request": ("vpc_security_group_ids", "security_groups", "subnet_id", "private_ip"),
    "aws_launch_template": ("vpc_security_group_ids", "security_group_names", "network_interfaces"),
    "aws_launch_configuration": ("security_groups",),
    "AWS::EC2::Instance": ("SecurityGroupIds", "SecurityGroups", "SubnetId", "PrivateIpAddress", "NetworkInterfaces"),
    "AWS::EC2::NetworkInterface": ("GroupSet", "SubnetId", "PrivateIpAddress", "PrivateIpAddresses", "Ipv6Addresses"),
    "AWS::EC2::LaunchTemplate": ("LaunchTemplateData", "SecurityGroupIds", "SecurityGroups", "NetworkInterfaces"),
    "AWS::AutoScaling::LaunchConfiguration": ("SecurityGroups",),
}
"""The attributes that matter for each kind of host, or of a resource from which hosts are made. Hosts that a plan
creates or deletes are not judged as sources. A host that a plan replaces gets an unknown address."""
