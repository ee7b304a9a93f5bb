"""For each VPC of an account, which workloads could run privately there, and what is wrong with its endpoints."""
