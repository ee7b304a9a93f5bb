# A VPC without a way to the internet, whose instances reach AWS Backup, Backup gateway and Systems Manager through
# interface endpoints.

provider "aws" {
  region = "eu-west-1"
}

data "aws_availability_zones" "available" {
  state = "available"
}

resource "aws_vpc" "this" {
  cidr_block           = "10.20.0.0/16"
  enable_dns_support   = true
  enable_dns_hostnames = true
}

resource "aws_subnet" "endpoints" {
  count             = 2
  vpc_id            = aws_vpc.this.id
  cidr_block        = cidrsubnet(aws_vpc.this.cidr_block, 8, count.index)
  availability_zone = data.aws_availability_zones.available.names[count.index]
}

module "endpoints" {
  source = "../.."

  vpc_id       = aws_vpc.this.id
  subnet_ids   = aws_subnet.endpoints[*].id
  client_cidrs = [aws_vpc.this.cidr_block]
  services     = ["backup", "backup-gateway", "ssm", "ssmmessages", "sts"]

  # The appliances of Backup gateway, which come through a VPN.
  gateway_client_cidrs = ["192.168.10.0/24"]
}

# Only where Terraform runs in this VPC, or on a machine that reaches the endpoints as its instances do.
module "check" {
  source = "../../check"

  services     = ["backup", "backup-gateway"]
  endpoint_ids = [for endpoint in module.endpoints.endpoints : endpoint.id]
}

output "endpoints" {
  value = module.endpoints.endpoints
}
