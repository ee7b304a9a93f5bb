-- The tables of the records and other pieces that were read.

-- One row for each record. `sweep` is the sweep that the record's place names, or NULL; `place` is the file or the
-- object that it was in. `redacted`, `complete` and `ec2` are 0 or 1. `causes_cut` is 1 if the host had more causes
-- than the record lists.
CREATE TABLE record (
    id BIGINT, sweep TEXT, place TEXT, tool TEXT, run TEXT, taken_at TEXT, redacted INTEGER, host TEXT, region TEXT,
    account TEXT, vpc TEXT, subnet TEXT, zone TEXT, image TEXT, instance_type TEXT, status TEXT, path TEXT, access TEXT,
    complete INTEGER, ec2 INTEGER, summary TEXT, title TEXT, fix TEXT, security_groups TEXT[], endpoints TEXT[],
    resolvers TEXT[], services TEXT[], causes_cut INTEGER
);

-- The causes of each record in their order; `rank` begins at 0. `cause_key` is the code with the ids but without the
-- target, so a cause that affects two services has one key.
CREATE TABLE cause (record BIGINT, rank INTEGER, severity TEXT, code TEXT, target TEXT, cause_key TEXT);

-- A symptom, and the key of its cause on the same host.
CREATE TABLE symptom (record BIGINT, code TEXT, symptom_key TEXT, cause_key TEXT);

-- The labels of hosts in the inventory, such as their owner or their application.
CREATE TABLE label (account TEXT, host TEXT, name TEXT, value TEXT);

-- The places with unreadable content; `times` is the number of unreadable parts there, such as lines of a file.
CREATE TABLE unreadable (id BIGINT, place TEXT, why TEXT, times BIGINT);

-- The pieces of a batch. Each has the line of a record, or the reason why there is no record.
CREATE TABLE piece (
    id BIGINT, source TEXT, tag TEXT, "position" BIGINT, place TEXT, sweep TEXT, line TEXT, why TEXT, times BIGINT,
    "last" BOOLEAN
);

-- The parsed pieces, until they are moved into the tables above. A file of the cache has the same columns except `id`.
CREATE TABLE incoming (
    id BIGINT, source TEXT, tag TEXT, "position" BIGINT, place TEXT, sweep TEXT, why TEXT, times BIGINT, "last" BOOLEAN,
    tool TEXT, run TEXT, taken_at TEXT, redacted BOOLEAN, host TEXT, region TEXT, account TEXT, vpc TEXT, subnet TEXT,
    zone TEXT, image TEXT, instance_type TEXT, security_groups TEXT[], resolvers TEXT[], endpoints TEXT[],
    services TEXT[], status TEXT, path TEXT, access TEXT, complete BOOLEAN, ec2 BOOLEAN, summary TEXT, causes TEXT[],
    symptoms TEXT[], title TEXT, fix TEXT, cut TEXT[]
)
