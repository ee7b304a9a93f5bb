-- Parses the pieces of a batch into rows. The record of each piece is a line of JSON.
INSERT INTO incoming
SELECT id, source, tag, "position", place, sweep, why, times, "last", unnest(record)
FROM (
    SELECT *, from_json(
        line,
        '{
            "tool": "TEXT", "run": "TEXT", "taken_at": "TEXT", "redacted": "BOOLEAN", "host": "TEXT", "region": "TEXT",
            "account": "TEXT", "vpc": "TEXT", "subnet": "TEXT", "zone": "TEXT", "image": "TEXT",
            "instance_type": "TEXT", "security_groups": ["TEXT"], "resolvers": ["TEXT"], "endpoints": ["TEXT"],
            "services": ["TEXT"], "status": "TEXT", "path": "TEXT", "access": "TEXT", "complete": "BOOLEAN",
            "ec2": "BOOLEAN", "summary": "TEXT", "causes": ["TEXT"], "symptoms": ["TEXT"], "title": "TEXT",
            "fix": "TEXT", "cut": ["TEXT"]
        }'
    ) AS record
    FROM piece
)
