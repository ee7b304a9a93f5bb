"""The real implementations of the seams: this host, its network, its SDK."""
