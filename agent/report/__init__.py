"""The report as data: its classes, its JSON, its masks, and what differs between two of them."""
