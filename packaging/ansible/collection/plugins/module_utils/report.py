"""Build the command that the module `check` runs, and read its outcome. The code must run with Python 3.6, which hosts
still have."""

import json

SCHEMA = "backuplink.report.v1"

OPTIONS = {
    "config": {"type": "path"},
    "region": {"type": "str"},
    "workload": {"type": "list", "elements": "str"},
    "service": {"type": "list", "elements": "str"},
    "endpoint": {"type": "list", "elements": "str"},
    "expect": {"type": "str", "choices": ["private", "public", "any"]},
    "timeout": {"type": "float"},
    "deadline": {"type": "float"},
    "calls": {"type": "str", "choices": ["each", "one", "none"]},
    "ec2": {"type": "str", "choices": ["auto", "always", "never"]},
    "ec2_facts": {"type": "path"},
    "profile": {"type": "str"},
    "ca_bundle": {"type": "path"},
    "suppress": {"type": "list", "elements": "str", "default": []},
    "redact": {"type": "bool", "default": False},
}
"""The options of `backuplink check` that the module supports, by their names with underscores."""

ARGUMENTS = dict(
    OPTIONS,
    executable={"type": "path", "default": "backuplink"},
    fail_on={"type": "str", "default": "never", "choices": ["never", "critical", "warning"]},
)

WHAT_IS_CHECKED = ("workload", "service", "endpoint", "config")
"""One of these options is required, since it says what must be reachable. On many hosts, a search of the host for
workloads does not find everything."""

_STATUS_OF_CODE = {0: ("ok", "not-in-use"), 1: ("warning",), 2: ("critical",), 3: ("unknown",)}


class NoReportError(Exception):
    """There is no verdict: the program could not run, was stopped, or did not write a complete report."""


def arguments(parameters, output):
    """The arguments of the program: `check`, and the options that the task sets. This module sets the format, the
    output file and the exit code, even if a configuration file sets others."""
    words = ["check", "--format=json", "--output=" + output, "--fail-on=warning"]
    for name in OPTIONS:
        value = parameters.get(name)
        option = "--" + name.replace("_", "-")
        if value is None or value is False:
            continue
        if value is True:
            words.append(option)
            continue
        for item in value if isinstance(value, list) else [value]:
            words.append(f"{option}={item}")
    return words


def read(code, text, stderr):
    """The report as a mapping, read from the output file of the program. Raises NoReportError if the file is not a
    report with a verdict."""
    try:
        report = json.loads(text)
        schema, status = report["schema"], report["verdict"]["status"]
    except (ValueError, TypeError, KeyError):
        raise NoReportError(_said(code, stderr) or "it wrote no report") from None
    if schema != SCHEMA:
        raise NoReportError(f"the schema of its report is {schema}, and this collection reads {SCHEMA}")
    if code not in _STATUS_OF_CODE:
        raise NoReportError(_said(code, stderr) or "it was stopped")
    if status not in _STATUS_OF_CODE[code]:
        raise NoReportError(f"its report says {status}, and its exit code {code} does not")
    return report


def _said(code, stderr):
    lines = [line for line in stderr.splitlines() if line.strip()]
    return f"exit code {code}: {lines[-1]}" if lines else ""


def fails(status, fail_on):
    """Whether a verdict fails the task. The verdict "unknown" also fails it, unless `fail_on` is `never`, since it is
    not known that all is well."""
    if fail_on == "never" or status in _STATUS_OF_CODE[0]:
        return False
    return status != "warning" or fail_on == "warning"


def summary(report):
    """The report in one line: the verdict, and the codes and titles of the findings."""
    findings = [f"{finding['code']} {finding['title']}" for finding in report["findings"]]
    return ": ".join([report["verdict"]["status"]] + (["; ".join(findings)] if findings else []))
