"""Reports in which every text is untrusted. Formats must show such a text literally, and interpret nothing in it."""

from dataclasses import fields, is_dataclass, replace
from typing import Any, Final

from agent.report.model import Command, CommandScope, Finding, Fix, Line, Report, TargetReport
from probes.model import Observation, Skipped
from tests.support.runs import report_of

HEADLINE: Final = "port 1027 closed at 2 of 2 addresses: 10.0.1.27 and 10.0.2.27"
"""The headline of the finding in such a report. It consists of measured values, and contains no text from outside."""
HOSTILE: Final = (
    *("<script>alert(1)</script>", "</title></style></pre><img src=x onerror=alert(1)>", "\"' onclick=alert(1) x='"),
    *("[press](javascript:alert(1))", "![seen](https://seen.example/x.png)", "<https://seen.example/>", "[x]: /y 'z'"),
    *(
        "https://seen.example/",
        "www.seen.example",
        "HTTP://SEEN.EXAMPLE",
        "ftp://seen.example",
        "@everyone and @team/x",
    ),
    *("`code` ``more`` ```fence", "```sh\nrm -rf /\n```", "~~~", "**bold** __bold__ _it_ *it* ~~gone~~", "$x^2$ $$y$$"),
    *(
        "| a | b |",
        "a\\|b\\",
        "# heading",
        "heading #",
        "- item",
        "+ item",
        "1. item",
        "7) item",
        "> said",
        "---",
        "- - -",
    ),
    *(
        "===",
        "    indented",
        "\tindented",
        "line\n\nline",
        "line\\\nline",
        "&amp; &#x40; &lt;",
        "<!-- gone -->",
        "<b>bold",
    ),
    *(
        "\x1b[2J\x1b]52;c;eA==\x07",
        "\u202egnp.exe\u2066",
        "\u2028\x85\x0b\x0c",
        "\u6f22\u5b57 e\u0301 \U0001f469\u200d\U0001f4bb",
    ),
    *(
        "[bold]markup[/bold]",
        "\ud800",
        "\x00",
        "",
        " ",
        "trailing \\",
        "{{ template }}",
        "<PLACEHOLDER>",
        "-",
        "`",
        "``",
    ),
)
"""Texts with which a peer, a certificate or a file may attack the readers of a report."""
SPOKEN_OF: Final = "gateway-activation-port-blocked"
"""The scenario whose report is filled with such texts. Its report is a warning. It has one cause that counts, and a
skipped step.
"""


def spoken(text: str, name: str = SPOKEN_OF) -> Report:
    """The report of a scenario with `text` in every place that takes a text from outside."""
    report = report_of(name)
    return replace(
        report,
        tool=replace(report.tool, version=text),
        run=replace(report.run, id=text, region=text),
        verdict=replace(report.verdict, summary=text),
        vantage=replace(report.vantage, instance_id=text, availability_zone_id=text, vpc_id=text),
        targets=tuple(_target(target, text) for target in report.targets),
        observations=tuple(_observation(observation, text) for observation in report.observations),
        findings=tuple(_finding(finding, text) for finding in report.findings),
        not_evaluated=tuple(replace(missing, reason=text) for missing in report.not_evaluated),
    )


def _target(target: TargetReport, text: str) -> TargetReport:
    addresses = tuple(
        replace(address, availability_zone_id=text, from_own_lookup=False) for address in target.addresses
    )
    return replace(target, service=text, host=text, unproven=(text,), addresses=addresses)


def _finding(finding: Finding, text: str) -> Finding:
    command = Command(argv=("aws", text, text), scope=CommandScope.HOST, changes=True, reversible=True, undo=text)
    line = Line(file=text, line=text, changes=True, undo=text)
    fix = Fix(summary=text, commands=(command, command), lines=(line,))
    return replace(finding, target=text, title=text, detail=text, fix=fix)


def _observation(observation: Observation[Any], text: str) -> Observation[Any]:
    if isinstance(observation.outcome, Skipped):
        return replace(observation, outcome=Skipped(text))
    return observation


def everywhere(report: Report, text: str) -> Report:
    """The report with `text` in place of every free text. The result makes no sense, but a format must be able to show
    it. Codes of findings stay, so that formats include the documentation of the codes.
    """
    filled: Report = _filled(report, text)
    findings = tuple(replace(new, code=old.code) for new, old in zip(filled.findings, report.findings, strict=True))
    observations = tuple(  # not operations, which decide about the facts of a step
        replace(new, subject=replace(new.subject, operation=old.subject.operation))
        for new, old in zip(filled.observations, report.observations, strict=True)
    )
    return replace(filled, schema=report.schema, findings=findings, observations=observations)


def _filled(value: Any, text: str) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{field.name: _filled(getattr(value, field.name), text) for field in fields(value)})
    if isinstance(value, tuple):
        return tuple(_filled(part, text) for part in value)
    if isinstance(value, dict):
        return {key: _filled(part, text) for key, part in value.items()}
    return text if type(value) is str else value
