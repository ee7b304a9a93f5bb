"""Many hosts joined: which faults they share, where, since when, and what fixes each."""
