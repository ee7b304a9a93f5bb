-- The tables of what was read.

-- One row a record. `sweep` is what its place says of it, which may be nothing; `place` is where it lay. `redacted`,
-- `complete` and `ec2` are 0 or 1. `causes_cut`: whether its host had more causes than it lists.
CREATE TABLE record (
    id BIGINT, sweep TEXT, place TEXT, tool TEXT, run TEXT, taken_at TEXT, redacted INTEGER, host TEXT, region TEXT,
    account TEXT, vpc TEXT, subnet TEXT, zone TEXT, image TEXT, instance_type TEXT, status TEXT, path TEXT, access TEXT,
    complete INTEGER, ec2 INTEGER, summary TEXT, title TEXT, fix TEXT, security_groups TEXT[], endpoints TEXT[],
    resolvers TEXT[], services TEXT[], causes_cut INTEGER
);

-- The causes of a record in its order, `rank` from 0. `cause_key` is code and ids, without the target: one cause at two
-- services is one.
CREATE TABLE cause (record BIGINT, rank INTEGER, severity TEXT, code TEXT, target TEXT, cause_key TEXT);

-- A symptom, and the key of its cause on the same host.
CREATE TABLE symptom (record BIGINT, code TEXT, symptom_key TEXT, cause_key TEXT);

-- What the inventory says of hosts: who owns them, of which application they are.
CREATE TABLE label (account TEXT, host TEXT, name TEXT, value TEXT);

-- What could not be read: `times` in one place, such as lines of a file.
CREATE TABLE unreadable (id BIGINT, place TEXT, why TEXT, times BIGINT);

-- The pieces of a batch, each with the line of a record or a reason why there is none.
CREATE TABLE piece (
    id BIGINT, source TEXT, tag TEXT, "position" BIGINT, place TEXT, sweep TEXT, line TEXT, why TEXT, times BIGINT,
    "last" BOOLEAN
);

-- What they say, until it is in the tables above. A file of the cache has the same columns without `id`.
CREATE TABLE incoming (
    id BIGINT, source TEXT, tag TEXT, "position" BIGINT, place TEXT, sweep TEXT, why TEXT, times BIGINT, "last" BOOLEAN,
    tool TEXT, run TEXT, taken_at TEXT, redacted BOOLEAN, host TEXT, region TEXT, account TEXT, vpc TEXT, subnet TEXT,
    zone TEXT, image TEXT, instance_type TEXT, security_groups TEXT[], resolvers TEXT[], endpoints TEXT[],
    services TEXT[], status TEXT, path TEXT, access TEXT, complete BOOLEAN, ec2 BOOLEAN, summary TEXT, causes TEXT[],
    symptoms TEXT[], title TEXT, fix TEXT, cut TEXT[]
)
