"""The table of endpoints, for people and for programs."""

from agent.catalog.hosts import SOURCES, ServiceEndpoint
from agent.report.codec import dumps
from agent.report.serialization import to_json


def as_json(rows: tuple[ServiceEndpoint, ...]) -> str:
    """One JSON object with the rows and their sources."""
    return dumps({"schema": "backuplink.endpoints.v1", "sources": list(SOURCES), "endpoints": to_json(rows)})


def as_text(rows: tuple[ServiceEndpoint, ...]) -> str:
    """Return a block for each row. If an SDK builds a name that AWS does not document, the name is marked."""
    return "\n".join(_block(row) for row in rows) + "\nSources\n" + "".join(f"  {source}\n" for source in SOURCES)


def _block(row: ServiceEndpoint) -> str:
    state = {True: "", False: ", not offered", None: ", not known whether offered"}[row.offered]
    lines = [f"{row.service} in {row.region} ({row.region_name}, {row.partition}){state}"]
    if row.service_name is not None:
        unsure = "" if row.service_name_documented else "  (not confirmed)"
        lines.append(f"  service name     {row.service_name}{unsure}")
    elif row.offered is not False:
        lines.append("  service name     none is listed by AWS: no endpoint makes the path private")
    if row.gateway_endpoint:
        lines.append("  gateway endpoint can be used, too")
    fips = "" if row.fips_documented else "  (not documented)"
    lines += [
        f"  host             {row.host}",
        f"  dual-stack       {row.dual_stack_host}",
        f"  FIPS             {row.fips_host}{fips}",
        f"  FIPS dual-stack  {row.fips_dual_stack_host}  (not documented)",
        f"  signing name     {row.signing_name}",
        f"  SDK variable     {row.endpoint_variable or 'none: no SDK has this service'}",
        "  ports            "
        + ", ".join(f"{port.number} {port.role}" if len(row.ports) > 1 else str(port.number) for port in row.ports),
    ]
    return "\n".join(lines) + "\n"
