"""The runbook pages. This module imports little, so that a page appears at once on a small host."""

import pkgutil

DNS_SUFFIX = "<DNS_SUFFIX>"
DUAL_STACK_SUFFIX = "<DUAL_STACK_SUFFIX>"
LEGENDS = {
    DNS_SUFFIX: f"{DNS_SUFFIX}: amazonaws.com, in China amazonaws.com.cn; others have their own.",
    DUAL_STACK_SUFFIX: f"{DUAL_STACK_SUFFIX}: api.aws, in China api.amazonwebservices.com.cn.",
}
"""The placeholders that are the same for every host of a partition, with their meaning.

`backuplink endpoints` prints whole names.
"""

OTHERWISE = 'Not the cause? Send an archive: `backuplink bundle --wrong "what is true"`'
"""The line that ends each page."""


def page(code: str) -> str:
    """The page of a code in Markdown. Raises KeyError if the code has no page."""
    try:
        data = pkgutil.get_data("agent", f"runbooks/{code}.md") if code.isascii() and code.isalnum() else None
    except OSError as error:
        raise KeyError(code) from error
    if data is None:
        raise KeyError(code)
    return f"{data.decode('utf-8')}\n{OTHERWISE}\n"


def for_region(markdown: str, region: str) -> str:
    """A page with the domains of the Region's partition in place of their placeholders."""
    from agent.catalog.partitions import partition_of

    partition = partition_of(region)
    return markdown.replace(DNS_SUFFIX, partition.dns_suffix).replace(
        DUAL_STACK_SUFFIX, partition.dual_stack_dns_suffix
    )
