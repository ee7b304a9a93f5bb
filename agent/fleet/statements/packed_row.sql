-- The rows of the new file, in the order in which they compress best and are found fastest.
FROM packed ORDER BY host, taken_at
