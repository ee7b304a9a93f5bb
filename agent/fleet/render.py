"""The document in each of its formats. A module is imported when its format is asked for."""

from agent.fleet.model import FleetDocument


def render(document: FleetDocument, wanted: str, *, colour: bool = False) -> str:
    """The document in one of FLEET_FORMATS; of `csv` the head alone, and as JSON where it is `parquet`. As
    `eventbridge` it is empty where nothing changed."""
    match wanted:
        case "json" | "parquet":
            from agent.fleet.model import dumps

            return dumps(document)
        case "html":
            from agent.fleet import page

            return page.render(document)
        case "markdown":
            from agent.fleet import markdown

            return markdown.render(document)
        case "prometheus":
            from agent.fleet import metrics

            return metrics.render(document)
        case "eventbridge":
            from agent.fleet import events

            return events.render(document)
        case "csv":
            from agent.fleet import table

            return "".join(table.as_csv(()))
    from agent.fleet import text

    return text.render(document, colour=colour)
