-- The causes of the symptoms of blind hosts, for the hosts of each subnet that have the same symptom and the same security
-- groups. Hosts of another VPC or account name no cause for them: who writes records there could name any. A host that
-- met some addresses has the symptom of the hosts that met these and more.
--
-- If no host names a cause in a sweep, the nearest sweep counts, as long as the symptom was there without a break: a fault
-- is not another one because a host began to read EC2, or was silent.
CREATE TABLE explained_symptom AS
SELECT sweep, account, vpc, zone, subnet, groups, symptom_key, cause_key
FROM (FROM own_cause UNION ALL FROM near_cause)
WHERE symptom_key <> cause_key;
