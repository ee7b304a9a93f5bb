"""Runs again and again: what they leave behind, and what changes between them."""
