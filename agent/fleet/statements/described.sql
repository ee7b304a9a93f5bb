-- The properties of each key that follow from the catalogue: whether it names a resource of the configuration, whether
-- it names a role, an issuer or a URL, and how far its fault may reach.
CREATE OR REPLACE TABLE described (raw_key TEXT, is_named BOOLEAN, is_specific BOOLEAN, reach TEXT)
