output "endpoints" {
  description = "For each service, the id of the endpoint, its own name, the name of its endpoint service, and its zones."
  value = {
    for service, endpoint in aws_vpc_endpoint.this : service => {
      id           = endpoint.id
      dns_name     = endpoint.dns_entry[0].dns_name
      service_name = endpoint.service_name
      zones = [
        for subnet in data.aws_subnet.this : subnet.availability_zone if contains(endpoint.subnet_ids, subnet.id)
      ]
    }
  }
}

output "security_group_ids" {
  description = "The security groups of the endpoints: gateway for that of Backup gateway, and https for all others. Null if there is no such group."
  value = {
    https   = one(aws_security_group.https[*].id)
    gateway = one(aws_security_group.gateway[*].id)
  }
}
