"""The configuration of a VPC: its classes, and the requests that read it."""
