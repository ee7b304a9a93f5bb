"""Facts about the network path to AWS Backup endpoints; usable without `agent`."""
