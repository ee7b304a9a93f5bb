"""Rules over the configuration that EC2 and Route 53 report."""
