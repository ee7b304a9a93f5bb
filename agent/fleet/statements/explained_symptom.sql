-- The causes of symptoms of blind hosts. Hosts of one subnet with the same symptom and security groups get the same
-- cause. Hosts of another VPC or account never name it, since whoever writes records there could name any cause. A host
-- that failed at some addresses has the symptom of the hosts that failed at these and more.
--
-- If no host names a cause in a sweep, the nearest sweep with a cause decides, provided that no break in the symptom
-- lies between them: a fault stays the same if a host begins to read EC2, or is silent for a time.
CREATE TABLE explained_symptom AS
SELECT sweep, account, vpc, zone, subnet, groups, symptom_key, cause_key
FROM (FROM own_cause UNION ALL FROM near_cause)
WHERE symptom_key <> cause_key;
