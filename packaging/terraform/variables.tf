variable "vpc_id" {
  type        = string
  description = "The VPC in which the endpoints are made. Its attributes enableDnsSupport and enableDnsHostnames must be on for private DNS."
}

variable "subnet_ids" {
  type        = list(string)
  description = "Subnets for the endpoints' network interfaces. Give one in each zone in which clients run. A service that is not offered in a zone gets no interface in it."

  validation {
    condition     = length(var.subnet_ids) > 0
    error_message = "Name at least one subnet."
  }
}

variable "services" {
  type        = set(string)
  default     = ["backup"]
  description = "Services for which endpoints are made, by the last part of their names."

  validation {
    condition = length(setsubtract(var.services, [
      "backup", "backup-gateway", "backup-storage", "ec2", "ec2messages", "logs", "ssm", "ssmmessages", "sts",
    ])) == 0
    error_message = "The services are backup, backup-gateway, backup-storage, ec2, ec2messages, logs, ssm, ssmmessages and sts."
  }
}

variable "client_cidrs" {
  type        = list(string)
  default     = []
  description = "IPv4 blocks from which clients reach the endpoints: usually all blocks of the VPC, including secondary blocks."
}

variable "client_security_group_ids" {
  type        = list(string)
  default     = []
  description = "Security groups whose members reach the endpoints, in addition to client_cidrs or instead of them."
}

variable "gateway_client_cidrs" {
  type        = list(string)
  default     = []
  description = "Further IPv4 blocks that may reach only the endpoint of Backup gateway, such as those of appliances on premises."
}

variable "private_dns" {
  type        = bool
  default     = true
  description = "Whether the usual names of the services lead to the endpoints within the VPC. In a VPC only one endpoint of a service can have this."
}

variable "only_this_account" {
  type        = bool
  default     = false
  description = "Whether the endpoint of AWS Backup accepts only calls of principals of this account. A document in policies overrides this."
}

variable "policies" {
  type        = map(string)
  default     = {}
  description = "Endpoint policies as JSON, by service. An endpoint without a policy here has the default policy, which allows every call."

  validation {
    condition = alltrue([
      for policy in values(var.policies) :
      try(anytrue([for statement in flatten([jsondecode(policy).Statement]) : statement.Effect == "Allow"]), false)
    ])
    error_message = "Each policy must be JSON and have a statement with the Effect Allow: without one it denies every call."
  }
}

variable "name" {
  type        = string
  default     = "aws-backup"
  description = "The beginning of the names of everything that is made."
}

variable "tags" {
  type        = map(string)
  default     = {}
  description = "Tags of everything that is made."
}
