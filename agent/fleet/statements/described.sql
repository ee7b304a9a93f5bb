-- What the catalogue says of each key: whether it names a resource of the configuration, or a role, an issuer or a URL,
-- and where others could have its fault.
CREATE OR REPLACE TABLE described (raw_key TEXT, is_named BOOLEAN, is_specific BOOLEAN, reach TEXT)
