-- Adds the areas of the causes of the round: where other hosts could have them.
INSERT INTO area
SELECT DISTINCT
    cause, c.reach, CASE c.reach WHEN 'vpc' THEN h.vpc WHEN 'account' THEN h.account ELSE 0 END, c.services
FROM round_cause c JOIN member m ON m.q = c.cause JOIN host h USING (record)
