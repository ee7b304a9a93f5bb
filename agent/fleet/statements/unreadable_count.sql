-- The number of unreadable parts.
SELECT coalesce(sum(times), 0)::BIGINT FROM unreadable
