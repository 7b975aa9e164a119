mock_provider "aws" {}

variables {
  name               = "grocery-test"
  region             = "eu-central-1"
  availability_zones = ["eu-central-1a", "eu-central-1b"]
}

run "one_nat_gateway_serves_two_zones" {
  command = plan

  assert {
    condition     = length(aws_subnet.public) == 2 && length(aws_subnet.private) == 2
    error_message = "Each zone has one public and one private subnet."
  }

  assert {
    condition     = keys(aws_nat_gateway.this) == ["eu-central-1a"] && keys(aws_route.private_internet) == ["eu-central-1a", "eu-central-1b"]
    error_message = "One NAT gateway in the first zone is the way out of both private subnets."
  }

  assert {
    condition     = length(distinct(concat([for s in aws_subnet.public : s.cidr_block], [for s in aws_subnet.private : s.cidr_block]))) == 4
    error_message = "Subnets must not overlap."
  }

  assert {
    condition     = aws_subnet.public["eu-central-1b"].cidr_block == "10.0.16.0/20" && aws_subnet.private["eu-central-1a"].cidr_block == "10.0.128.0/20"
    error_message = "Public subnets take the lower sixteenths, private ones the upper."
  }

  assert {
    condition     = alltrue([for s in merge(aws_subnet.public, { for k, v in aws_subnet.private : "p${k}" => v }) : s.map_public_ip_on_launch != true])
    error_message = "No subnet gives out public addresses."
  }

  assert {
    condition     = aws_vpc_endpoint.s3.vpc_endpoint_type == "Gateway" && aws_vpc_endpoint.s3.service_name == "com.amazonaws.eu-central-1.s3"
    error_message = "S3 is reached through a gateway endpoint."
  }

  assert {
    condition     = aws_vpc.this.enable_dns_support && aws_vpc.this.enable_dns_hostnames
    error_message = "Names of the database and of endpoints need the VPC's DNS."
  }
}

run "every_zone_can_have_its_own_nat_gateway" {
  command = plan

  variables {
    nat_gateway_per_zone = true
    availability_zones   = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 3 && length(aws_eip.nat) == 3
    error_message = "nat_gateway_per_zone must make one per zone."
  }
}

run "wrong_values_are_refused" {
  command = plan

  variables {
    name               = "G"
    region             = "eu_central_1"
    cidr_block         = "10.0.0.7/16"
    availability_zones = ["eu-central-1a", "eu-central-1a"]
  }

  expect_failures = [var.name, var.region, var.cidr_block, var.availability_zones]
}
