"""Audits of an account: for each VPC, the workloads that could run privately there, and the faults of its endpoints."""
