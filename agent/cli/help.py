"""The layout of help: the commands and the options in groups."""

from typing import Final

COMMANDS: Final = (
    ("Start here", ("check", "tui", "demo", "explain", "diagnose", "bundle")),
    ("Over time", ("watch", "history", "diff")),
    ("Many hosts", ("fleet", "fleet put", "fleet pack", "fleet athena")),
    ("Without a host", ("predict", "audit", "facts", "endpoints", "permissions", "schema")),
)
"""Every command, in the order of the help."""
OPTIONS: Final = (
    (
        "Targets and input",
        (
            *("--region", "--all-regions", "--partition", "--vpc", "--from", "--workload", "--service", "--endpoint"),
            *("--port", "--expect", "--private-cidr", "--command-id", "--inventory", "--sweep", "--since", "--where"),
            *("--ec2-facts", "--show", "--compare", "--plot", "--export", "--list", "--fleet", "--text", "--policy"),
            *("--bucket", "--prefix", "--host-account", "--host-region", "--first-day", "--packed", "--database"),
        ),
    ),
    ("A change that is not made yet", ("--assume", "--assume-plan", "--harmless", "--intent")),
    (
        "Method and limits",
        (
            *("--timeout", "--deadline", "--calls", "--no-api", "--jobs", "--ec2", "--no-ec2", "--resolver"),
            *("--run-agents", "--fips", "--dual-stack", "--against", "--by", "--least", "--tolerate", "--cache"),
        ),
    ),
    (
        "Credentials and trust",
        ("--profile", "--ca-bundle", "--role-arn", "--organization-role", "--kms-key", "--bucket-owner"),
    ),
    ("Repeated runs", ("--tui", "--watch", "--interval", "--cycles", "--raise-after", "--clear-after")),
    (
        "Change notices",
        ("--listen", "--textfile", "--on-change", "--on-change-env", "--notify", "--notify-template"),
    ),
    ("History", ("--history", "--keep", "--keep-size")),
    ("On the screen", ("--theme", "--key", "--no-mouse")),
    (
        "Output",
        (
            *("--format", "--brief", "--output", "--redact", "--wrong", "--plain", "--logs", "--case"),
            *("--suppress", "--suppressions", "--review", "--fail-on"),
        ),
    ),
)
"""Options by purpose, each by its first name. Options without a group, such as --config, come last."""
MOST_IN_ONE_LIST: Final = 6
"""If a command has more options than this, its help shows them in groups."""
MAX_SUMMARY: Final = 60
"""Maximum length of a command's line in the list of commands."""
MAX_NAME: Final = 20
"""Maximum length of an option with its value. If it is longer, its help starts on the next line."""
