"""The version, in a module of its own, since reading it from package metadata costs more than starting does."""

__version__ = "1.0.0"
