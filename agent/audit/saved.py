"""Audits that an earlier call wrote as JSON."""

import json
from typing import Any

from agent.audit.model import SCHEMA, AuditDocument, decode
from agent.catalog.wording import why_no_json, why_no_text
from agent.fixes.placeholders import is_form_of_fix
from agent.report.model import Fix
from agent.report.serialization import DecodeError, hold_to_schema


class AuditFileError(Exception):
    """The file does not contain an audit. The message is for the operator."""


def parse(data: bytes, name: str) -> AuditDocument:
    """The audit in a document. Errors call the document `name`. Raises AuditFileError if it is not an audit."""
    try:
        return _audit(json.loads(data.decode("utf-8")))
    except UnicodeDecodeError as error:
        raise AuditFileError(f"{name}: {why_no_text(data, 'an audit')}") from error
    except DecodeError as error:
        raise AuditFileError(
            f"{name}: is not an audit of `--format json` that this version understands: {error}"
        ) from error
    except (ValueError, RecursionError) as error:
        raise AuditFileError(f"{name}: {why_no_json(error)}") from error


def _audit(document: Any) -> AuditDocument:
    hold_to_schema(document, SCHEMA)
    audit = decode(document)
    for number, fault in enumerate(audit.repeated):
        if not fault.vpcs:
            raise DecodeError(f"repeated[{number}].vpcs", "at least one VPC belongs here")
        _check_commands(f"repeated[{number}]", fault.fix)
    for place, vpc in enumerate(audit.vpcs):
        for number, of_vpc in enumerate(vpc.faults):
            _check_commands(f"vpcs[{place}].faults[{number}]", of_vpc.fix)
    return audit


def _check_commands(where: str, fix: Fix | None) -> None:
    """Raise DecodeError for a fix with a command that no fix has: people paste these commands."""
    if fix is None:
        return
    if fix.lines:
        raise DecodeError(f"{where}.fix.lines", "an audit changes no file")
    for number, command in enumerate(fix.commands):
        if not is_form_of_fix(command):
            raise DecodeError(f"{where}.fix.commands[{number}]", "no fix has a command of this form")
