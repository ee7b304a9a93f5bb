-- The keys with only some addresses, each with the key that replaces it.
FROM path
