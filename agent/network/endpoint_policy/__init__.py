"""The policy of an interface endpoint as a document, and what it says of one call."""
