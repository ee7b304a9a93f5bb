"""What to probe, what it means, and how it is shown."""
