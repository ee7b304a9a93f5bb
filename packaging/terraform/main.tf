# Interface endpoints for AWS Backup and the services that go with it, with the ports, the names and the zones that
# their clients need. How to use it: docs/endpoints.md.

data "aws_region" "this" {}

data "aws_caller_identity" "this" {}

data "aws_vpc" "this" {
  id = var.vpc_id
}

# By count and not by id, since ids may be unknown until the subnets are made.
data "aws_subnet" "this" {
  count = length(var.subnet_ids)
  id    = var.subnet_ids[count.index]
}

data "aws_vpc_endpoint_service" "this" {
  for_each     = var.services
  service_name = local.service_names[each.key]
  service_type = "Interface"
}

locals {
  region = data.aws_region.this.id
  zones  = data.aws_subnet.this[*].availability_zone

  # In China the names of some services begin differently.
  prefixes = {
    for service in var.services : service =>
    startswith(local.region, "cn-") && contains(["backup", "ec2", "sts"], service) ? "cn.com.amazonaws" : "com.amazonaws"
  }
  service_names = {
    for service in var.services : service => "${local.prefixes[service]}.${local.region}.${service}"
  }

  # Backup gateway needs all of these ports except the last, which only AWS Support uses.
  gateway_ports = {
    api           = 443
    control-plane = 1026
    activation    = 1027
    proxy         = 1028
    data-plane    = 1031
    support       = 2222
  }

  clients = concat(
    [for cidr in var.client_cidrs : { cidr = cidr, group = null }],
    [for group in var.client_security_group_ids : { cidr = null, group = group }],
  )
  gateway_clients = concat(local.clients, [for cidr in var.gateway_client_cidrs : { cidr = cidr, group = null }])
  gateway_rules = merge([
    for index, client in local.gateway_clients : {
      for role, port in local.gateway_ports : "${role}-${index}" => merge(client, { port = port })
    }
  ]...)

  has_gateway = contains(var.services, "backup-gateway")
  has_others  = length(setsubtract(var.services, ["backup-gateway"])) > 0

  own_account = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = "*"
      Action    = "*"
      Resource  = "*"
      Condition = { StringEquals = { "aws:PrincipalAccount" = data.aws_caller_identity.this.account_id } }
    }]
  })
  policies = merge(
    { for service in ["backup"] : service => local.own_account if var.only_this_account },
    var.policies,
  )
}

resource "aws_security_group" "https" {
  count       = local.has_others ? 1 : 0
  name_prefix = "${var.name}-endpoints-"
  description = "Interface endpoints that are reached on 443"
  vpc_id      = var.vpc_id
  tags        = merge(var.tags, { Name = "${var.name}-endpoints" })

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "https" {
  for_each                     = { for index, client in local.clients : "api-${index}" => client if local.has_others }
  security_group_id            = one(aws_security_group.https[*].id)
  description                  = "HTTPS"
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
  cidr_ipv4                    = each.value.cidr
  referenced_security_group_id = each.value.group
  tags                         = var.tags
}

resource "aws_security_group" "gateway" {
  count       = local.has_gateway ? 1 : 0
  name_prefix = "${var.name}-gateway-"
  description = "Interface endpoint of Backup gateway"
  vpc_id      = var.vpc_id
  tags        = merge(var.tags, { Name = "${var.name}-gateway" })

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "gateway" {
  for_each                     = { for key, rule in local.gateway_rules : key => rule if local.has_gateway }
  security_group_id            = one(aws_security_group.gateway[*].id)
  description                  = "Backup gateway"
  ip_protocol                  = "tcp"
  from_port                    = each.value.port
  to_port                      = each.value.port
  cidr_ipv4                    = each.value.cidr
  referenced_security_group_id = each.value.group
  tags                         = var.tags
}

resource "aws_vpc_endpoint" "this" {
  for_each            = var.services
  vpc_id              = var.vpc_id
  service_name        = local.service_names[each.key]
  vpc_endpoint_type   = "Interface"
  private_dns_enabled = var.private_dns
  policy              = try(local.policies[each.key], null)
  security_group_ids  = [each.key == "backup-gateway" ? one(aws_security_group.gateway[*].id) : one(aws_security_group.https[*].id)]
  subnet_ids = [
    for subnet in data.aws_subnet.this : subnet.id
    if contains(data.aws_vpc_endpoint_service.this[each.key].availability_zones, subnet.availability_zone)
  ]
  tags = merge(var.tags, { Name = "${var.name}-${each.key}" })

  lifecycle {
    precondition {
      condition     = each.key == "backup-gateway" ? length(local.gateway_clients) > 0 : length(local.clients) > 0
      error_message = "Nobody reaches the endpoint of ${each.key}: set client_cidrs or client_security_group_ids."
    }
    precondition {
      condition     = alltrue([for subnet in data.aws_subnet.this : subnet.vpc_id == var.vpc_id])
      error_message = "Every subnet of subnet_ids must be in the VPC vpc_id."
    }
    precondition {
      condition     = length(distinct(local.zones)) == length(local.zones)
      error_message = "An endpoint takes one subnet in each zone, and two of subnet_ids are in the same one."
    }
    precondition {
      condition = anytrue([
        for zone in local.zones : contains(data.aws_vpc_endpoint_service.this[each.key].availability_zones, zone)
      ])
      error_message = "AWS offers ${each.key} in none of the zones of subnet_ids."
    }
    precondition {
      condition     = !var.private_dns || data.aws_vpc.this.enable_dns_support && data.aws_vpc.this.enable_dns_hostnames
      error_message = "Private DNS needs the attributes enableDnsSupport and enableDnsHostnames of the VPC."
    }
  }
}
