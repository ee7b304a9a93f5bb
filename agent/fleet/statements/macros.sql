-- What a value says of a fault. Of `hosts` that could have it, `all_sick` do; of `total` hosts with the value, `sick` do.
CREATE OR REPLACE MACRO f1(sick, total, all_sick) AS 2 * sick / (all_sick + total);

-- How many times as often the fault occurs with the value as without it. Half a host is added to each count, so that
-- none is divided by zero.
CREATE OR REPLACE MACRO lift(sick, total, all_sick, hosts) AS
    (sick + 0.5) / (total + 1) / ((all_sick - sick + 0.5) / (hosts - total + 1));

CREATE OR REPLACE MACRO log_choose(all_of, part) AS
    lgamma((all_of + 1)::DOUBLE) - lgamma((part + 1)::DOUBLE) - lgamma((all_of - part + 1)::DOUBLE);

-- How likely so many or more of `total` hosts are sick by chance: Fisher's exact test, one-sided. 1 where no more are
-- sick than is to be expected. Past the mean each term is smaller than the one before; a thousand of them are enough.
CREATE OR REPLACE MACRO fisher(sick, total, all_sick, hosts) AS CASE
    WHEN sick * hosts <= total * all_sick THEN 1.0::DOUBLE
    ELSE least(1.0::DOUBLE, list_sum(list_transform(
        range(sick::BIGINT, least(total, all_sick, sick + 1000)::BIGINT + 1),
        lambda number: exp(
            log_choose(all_sick, number) + log_choose(hosts - all_sick, total - number) - log_choose(hosts, total)
        )
    )))
END;

-- Whether a value tells the sick hosts from the others: it covers 60 % of them, or half of those that have it are sick;
-- the fault is three times as frequent with it; and chance explains that in less than one of a thousand fleets.
CREATE OR REPLACE MACRO tells(sick, total, all_sick, hosts, tests) AS
    (sick >= 0.6 * all_sick OR sick >= 0.5 * total)
    AND lift(sick, total, all_sick, hosts) >= 3
    AND fisher(sick, total, all_sick, hosts) * tests < 0.001;
