-- The causes with ids that hosts found themselves, by the account and VPC of these hosts; the most frequent comes
-- first.
SELECT r.account, r.vpc, c.cause_key
FROM cause c JOIN placed p USING (record) JOIN record r ON r.id = c.record
WHERE p.redacted = 0 AND r.vpc IS NOT NULL AND c.cause_key <> c.code
GROUP BY r.account, r.vpc, c.cause_key
ORDER BY count(*) DESC, c.cause_key
