variable "vpc_id" {
  type        = string
  description = "The VPC in which the endpoints are made. Its attributes enableDnsSupport and enableDnsHostnames must be on for private DNS."
}

variable "subnet_ids" {
  type        = list(string)
  description = "Subnets for the endpoints' network interfaces, one in each zone in which clients run. A service that is not offered in a zone gets no interface there."

  validation {
    condition     = length(var.subnet_ids) > 0
    error_message = "Name at least one subnet."
  }
}

variable "services" {
  type        = set(string)
  default     = ["backup"]
  description = "Services to make endpoints for, by the last part of their names."

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
  description = "IPv4 blocks from which clients reach the endpoints. Usually the VPC's own, its secondary ones too."
}

variable "client_security_group_ids" {
  type        = list(string)
  default     = []
  description = "Security groups whose members reach the endpoints, in addition to client_cidrs or instead of them."
}

variable "gateway_client_cidrs" {
  type        = list(string)
  default     = []
  description = "Further IPv4 blocks that reach the endpoint of Backup gateway alone, such as those of appliances on premises."
}

variable "private_dns" {
  type        = bool
  default     = true
  description = "Whether the services' usual names lead to the endpoints within the VPC. One endpoint of a service can have it in a VPC."
}

variable "only_this_account" {
  type        = bool
  default     = false
  description = "Whether the endpoint of AWS Backup takes calls of principals of this account alone. A document in policies wins over it."
}

variable "policies" {
  type        = map(string)
  default     = {}
  description = "Endpoint policies as JSON, by service. Without one an endpoint has the default policy, which allows every call."

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
  description = "Begins the names of what is made."
}

variable "tags" {
  type        = map(string)
  default     = {}
  description = "Tags of everything that is made."
}
