"""`./dev mutants` shows whether the tests of a room notice mistakes in its code. A room is a package or folder with a
row in the table of CONTRIBUTING.
"""
