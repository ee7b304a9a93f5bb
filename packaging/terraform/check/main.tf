# Runs `backuplink check` on the machine of Terraform each time that it plans and applies, and warns if the verdict is
# not ok. It measures the path from that machine, so use it on a machine in the VPC, or on one that reaches the
# endpoints as the clients do. A check block only warns; it stops nothing.

terraform {
  required_version = ">= 1.5"

  required_providers {
    external = {
      source  = "hashicorp/external"
      version = ">= 2.3"
    }
  }
}

variable "services" {
  type        = set(string)
  default     = ["backup"]
  description = "Services to check."
}

variable "endpoint_ids" {
  type        = list(string)
  default     = []
  description = "The endpoints that must exist first: the check waits until they are made."
}

variable "program" {
  type        = string
  default     = "backuplink"
  description = "The program; give its path if it is not on PATH."
}

check "backuplink" {
  data "external" "backuplink" {
    program = concat(
      ["sh", "${path.module}/backuplink.sh", var.program],
      [for service in var.services : "--service=${service}"],
    )
    # The program does not read this.
    query = { endpoint_ids = join(",", var.endpoint_ids) }
  }

  assert {
    condition     = data.external.backuplink.result.status == "ok"
    error_message = data.external.backuplink.result.text
  }
}
