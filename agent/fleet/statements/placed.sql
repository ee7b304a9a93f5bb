-- The records that are asked: all that count, unless `where` leaves some of them.
CREATE TABLE placed AS FROM heard
