-- The F1 score of a value as a sign of a fault. `hosts` could have the fault, and `all_sick` of them do; `total` hosts
-- have the value, and `sick` of them have the fault.
CREATE OR REPLACE MACRO f1(sick, total, all_sick) AS 2 * sick / (all_sick + total);

-- The frequency of the fault among hosts with the value, divided by its frequency among the other hosts. Half a host is
-- added to each count, so that no divisor is zero.
CREATE OR REPLACE MACRO lift(sick, total, all_sick, hosts) AS
    (sick + 0.5) / (total + 1) / ((all_sick - sick + 0.5) / (hosts - total + 1));

CREATE OR REPLACE MACRO log_choose(all_of, part) AS
    lgamma((all_of + 1)::DOUBLE) - lgamma((part + 1)::DOUBLE) - lgamma((all_of - part + 1)::DOUBLE);

-- The probability that at least `sick` of `total` hosts have the fault by chance: Fisher's exact test, one-sided. It is
-- 1 if no more hosts have it than expected. Beyond the mean, each term is smaller than the previous one, so a thousand
-- terms are enough.
CREATE OR REPLACE MACRO fisher(sick, total, all_sick, hosts) AS CASE
    WHEN sick * hosts <= total * all_sick THEN 1.0::DOUBLE
    ELSE least(1.0::DOUBLE, list_sum(list_transform(
        range(sick::BIGINT, least(total, all_sick, sick + 1000)::BIGINT + 1),
        lambda number: exp(
            log_choose(all_sick, number) + log_choose(hosts - all_sick, total - number) - log_choose(hosts, total)
        )
    )))
END;

-- Whether a value distinguishes the sick hosts from the others. 60 % of the sick hosts must have it, or half of the
-- hosts with the value must be sick. The fault must be at least three times as frequent with the value. And chance must
-- explain all this in fewer than one of a thousand fleets.
CREATE OR REPLACE MACRO tells(sick, total, all_sick, hosts, tests) AS
    (sick >= 0.6 * all_sick OR sick >= 0.5 * total)
    AND lift(sick, total, all_sick, hosts) >= 3
    AND fisher(sick, total, all_sick, hosts) * tests < 0.001;
