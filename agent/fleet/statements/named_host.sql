-- The hosts that a document names.
CREATE OR REPLACE TABLE named_host (host TEXT)
