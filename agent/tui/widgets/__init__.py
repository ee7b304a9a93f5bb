"""Widgets and screens. They draw lines that are given to them and post messages; the app decides."""
