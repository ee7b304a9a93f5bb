"""The implementations of the seams for the real world: this host, its network, its SDK."""
