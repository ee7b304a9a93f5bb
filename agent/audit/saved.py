"""Audits that an earlier call wrote as JSON."""

import json
from typing import Any

from agent.audit.model import SCHEMA, AuditDocument, decode
from agent.catalog.wording import why_no_json, why_no_text
from agent.report.serialization import DecodeError, hold_to_schema


class AuditFileError(Exception):
    """The file does not hold an audit. The message is for the operator."""


def parse(data: bytes, name: str) -> AuditDocument:
    """The audit in a document, which errors call `name`. Raises AuditFileError for anything else."""
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
    return audit
