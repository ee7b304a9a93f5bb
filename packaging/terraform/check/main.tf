# Runs `backuplink check` where Terraform runs, each time that it plans and applies, and warns where the verdict is not
# ok. It measures the path of that machine, so it is for a machine in the VPC, or one that reaches the endpoints as the
# clients do. A check block warns; it stops nothing.

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
  description = "The endpoints that must be there first: the check waits until they are made."
}

variable "program" {
  type        = string
  default     = "backuplink"
  description = "The program, by its path where it is not on PATH."
}

check "backuplink" {
  data "external" "backuplink" {
    program = concat(
      ["sh", "${path.module}/backuplink.sh", var.program],
      [for service in var.services : "--service=${service}"],
    )
    # The program reads nothing of this.
    query = { endpoint_ids = join(",", var.endpoint_ids) }
  }

  assert {
    condition     = data.external.backuplink.result.status == "ok"
    error_message = data.external.backuplink.result.text
  }
}
