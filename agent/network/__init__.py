"""What a VPC's configuration (`probes.vpc`) does with a packet, a name and a call: pure functions over what EC2 said.

These modules are the room's face; the rest of the program imports no other of its modules.
"""

__all__ = ["answers", "calls", "draft", "edits", "names", "new_endpoints", "paths", "pending", "written_edits"]
