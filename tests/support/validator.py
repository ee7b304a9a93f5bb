"""Validates documents against the schema of the report, in less than a millisecond each."""

from typing import Final

import jsonschema_rs

from agent.report import codec

VALIDATOR: Final = jsonschema_rs.Draft202012Validator(codec.schema())
"""The validator of reports. Its `validate` raises jsonschema_rs.ValidationError if a document does not match the
schema.
"""
