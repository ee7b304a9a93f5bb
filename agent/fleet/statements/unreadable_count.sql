-- In how many places nothing can be read.
SELECT coalesce(sum(times), 0)::BIGINT FROM unreadable
