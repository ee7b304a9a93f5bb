-- Makes the pieces of the batch the arrived ones.
CREATE OR REPLACE VIEW arrived AS FROM incoming
