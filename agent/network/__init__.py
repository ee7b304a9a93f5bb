"""Judges packets, names and calls by a VPC's configuration (`probes.vpc`): pure functions over the answers of EC2.

The rest of the program imports only these modules of the package.
"""

__all__ = ["answers", "calls", "draft", "edits", "names", "new_endpoints", "paths", "pending", "written_edits"]
