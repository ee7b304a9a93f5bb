-- What the metadata of a Parquet file has under a key.
SELECT decode(value) FROM parquet_kv_metadata(getvariable('file')) WHERE key = encode(getvariable('key'))
