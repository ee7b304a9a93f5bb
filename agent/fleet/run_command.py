"""Read the records in the outputs of commands, which Run Command keeps for 30 days without a bucket."""

import json
from collections.abc import Callable, Iterator
from typing import Any, Final

from agent.catalog.wording import why_no_json
from agent.fleet.aws import AwsError, in_words
from agent.fleet.places import unread
from agent.fleet.records import of_node
from agent.fleet.store import Piece
from agent.report.host_record import SCHEMA, checked
from agent.report.serialization import DecodeError

PAGE: Final = 50
"""The number of invocations in one answer, which is the maximum of Systems Manager."""
MAX_LISTED_OUTPUT: Final = 2_500
"""Maximum number of characters of an output in a list. The rest of a longer output takes a request of its own."""
_WAITING: Final = frozenset({"Pending", "InProgress", "Delayed", "Cancelling"})
_RAN: Final = frozenset({"Success", "Failed"})
"""The status values of a step that ran. If a step's verdict is not ok, the step ends as failed."""


def pieces_of(client: Any, command: str, cancelled: Callable[[], bool]) -> Iterator[Piece]:
    """Yield the record that each host of a command printed, or the reason for its absence. Raises AwsError."""
    with in_words("Systems Manager"):
        pages = client.get_paginator("list_command_invocations").paginate(
            CommandId=command, Details=True, PaginationConfig={"PageSize": PAGE}
        )
        for page in pages:
            for invocation in page.get("CommandInvocations", ()):
                if cancelled():
                    return
                yield _piece(client, command, invocation)


def _piece(client: Any, command: str, invocation: dict[str, Any]) -> Piece:
    node, status = str(invocation.get("InstanceId")), str(invocation.get("Status"))
    place = f"{command}/{node}"
    why = "no step of this command prints a record (--format host)"
    for plugin in invocation.get("CommandPlugins", ()):
        line = _line_in(str(plugin.get("Output", "")))
        if line is None:
            continue
        try:
            record = of_node(checked(_document(client, command, node, plugin, line)), node)
            text = json.dumps(record, separators=(",", ":"))
        except (DecodeError, AwsError) as error:
            why = str(error)
        except ValueError as error:
            why = why_no_json(error)
        except RecursionError:
            why = "is nested too deep for a record"
        else:
            return Piece(place, None, 0, place, command, text, None, 1, last=True)
    if status in _WAITING:
        why = f"it has not ended yet ({status})"
    elif status not in _RAN:
        why = f"the command did not run there: {invocation.get('StatusDetails') or status}"
    return unread(place, why)


def _document(client: Any, command: str, node: str, plugin: dict[str, Any], line: str) -> dict[str, Any]:
    """Return the record that a step printed. Raises AwsError. If the text is not a record, raises ValueError or
    RecursionError."""
    try:
        document = json.loads(line)
    except ValueError:
        if len(str(plugin.get("Output"))) < MAX_LISTED_OUTPUT - len("\n---Output truncated---"):
            raise
        with in_words("Systems Manager"):
            whole = client.get_command_invocation(CommandId=command, InstanceId=node, PluginName=plugin.get("Name"))
        document = json.loads(_line_in(str(whole.get("StandardOutputContent", ""))) or "")
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise DecodeError("", f"this is not a {SCHEMA}")
    return document


def _line_in(output: str) -> str | None:
    """Return the line of an output that is a record, or begins like one."""
    return next((line for line in output.splitlines() if line.startswith("{") and SCHEMA in line[:80]), None)
