"""The configuration of a VPC: classes for its resources, and the requests that read them."""
