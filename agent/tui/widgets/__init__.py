"""Widgets and screens. They draw given lines and post messages; the app decides."""
