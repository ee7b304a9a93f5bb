"""The fleet in Amazon Athena: the table of the records, and views that answer what `backuplink fleet` answers."""
