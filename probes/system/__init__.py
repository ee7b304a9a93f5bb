"""The seams' real forms: this host, its network, its SDK."""
