"""The policy of an interface endpoint as a document, and its decision on a call."""
