-- What arrived is the batch.
CREATE OR REPLACE VIEW arrived AS FROM incoming
