-- The records that the question is about: all that count, until `where` removes some.
CREATE TABLE placed AS FROM heard
