"""Changes that are not made yet, and plans of them, made to a configuration."""
