output "vpc_id" {
  description = "Id of the network."
  value       = aws_vpc.this.id
}

output "public_subnet_ids" {
  description = "Ids of the public subnets, one a zone, in the order of the zones."
  value       = [for zone in var.availability_zones : aws_subnet.public[zone].id]

  # Whoever gets a subnet can use its way out at once.
  depends_on = [aws_route.public_internet, aws_route_table_association.public]
}

output "private_subnet_ids" {
  description = "Ids of the private subnets, one a zone, in the order of the zones."
  value       = [for zone in var.availability_zones : aws_subnet.private[zone].id]

  # An instance boots by downloading: the way out has to be there first, and
  # on destroy it has to outlive the instance.
  depends_on = [aws_route.private_internet, aws_route_table_association.private, aws_vpc_endpoint.s3]
}

output "nat_public_ips" {
  description = "Addresses that requests from the private subnets come from; for allow lists of others."
  value       = [for zone in local.nat_zones : aws_eip.nat[zone].public_ip]
}
