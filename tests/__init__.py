"""Tests mirror the two packages; `netns` holds the same VPC in network namespaces, with real sockets."""
