-- What was found of them.
FROM path
