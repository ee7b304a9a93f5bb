-- The highest number of a question or a cause.
SELECT coalesce(max(q), 0) FROM area
