"""The folders of tests mirror the two packages. `netns` builds the simulated VPC in network namespaces, with real
sockets.
"""
