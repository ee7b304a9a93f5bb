"""Judges packets, names and calls by a VPC's configuration (`probes.vpc`): pure functions over the answers of EC2.

These modules are the room's face; the rest of the program imports no other of its modules.
"""

__all__ = ["answers", "calls", "draft", "edits", "names", "new_endpoints", "paths", "pending", "written_edits"]
