-- The arrived pieces, if they are the pieces of the batch.
CREATE OR REPLACE VIEW arrived AS FROM incoming
