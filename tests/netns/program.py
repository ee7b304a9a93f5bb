"""Runs the installed program on the host of a VPC, as a user of the host would."""

import json
import os
import subprocess
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from agent.report import codec, facts_file
from agent.report.model import Report
from agent.settings import Ec2
from agent.simulated.certificates import root_pem
from agent.simulated.network import facts_of
from agent.simulated.scenario import CredentialsPart, Ec2Part, RunPart, Scenario, SdkPart
from agent.simulated.world import METADATA_SECONDS
from tests.netns.vpc import Vpc
from tests.support.validator import VALIDATOR

PROGRAM: Final = Path(sysconfig.get_path("scripts"), "backuplink")
START_SECONDS: Final = 30.0
"""The time in seconds that an interpreter may need to start and to end on a busy machine."""
READ_SECONDS: Final = 5.0
"""The timeout in seconds for each step of a run that reads EC2. Many scenarios have a timeout of one second. Here this
is too little if every processor is busy, since Python both writes and reads the answers.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A run that has ended."""

    code: int
    report: Report

    @property
    def findings(self) -> tuple[str, ...]:
        """Ids of the findings, in the report's order."""
        return tuple(finding.id for finding in self.report.findings)


def check(vpc: Vpc, folder: Path) -> Ended:
    """Run `backuplink check` with the scenario's options and with `folder` for its files, and wait until it ends."""
    with started(vpc, folder) as process:
        return ended(process, limit=vpc.scenario.run.deadline + START_SECONDS)


@contextmanager
def started(vpc: Vpc, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """The running program. If it still runs when the block ends, it is killed."""
    home = folder / "home"
    home.mkdir()
    with subprocess.Popen(
        vpc.on_host(str(PROGRAM), "check", *options(vpc.scenario.run, vpc.scenario.ec2), *facts_options(vpc, folder)),
        cwd=home,
        env=environment(vpc, folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()  # no effect on a process that has ended


def ended(process: subprocess.Popen[str], *, limit: float) -> Ended:
    """Wait at most `limit` seconds for the program to end, and read its single document, which must match the schema.
    Raises subprocess.TimeoutExpired. Raises AssertionError if the program wrote to stderr, since stderr is not a
    terminal here.
    """
    document, errors = process.communicate(timeout=limit)
    assert errors == ""
    data = json.loads(document)
    VALIDATOR.validate(data)
    return Ended(code=process.returncode, report=codec.decode(data))


def facts_options(vpc: Vpc, folder: Path) -> tuple[str, ...]:
    """The options with which a run reads the configuration from a file, if the scenario says so."""
    ec2 = vpc.scenario.ec2
    if ec2 is None or ec2.source == "live":
        return ()
    file = folder / "facts.json"
    file.write_text(facts_file.dumps(facts_of(vpc.scenario, datetime.now(UTC))), encoding="ascii")
    return ("--ec2-facts", str(file))


def always_reading(toml: str) -> str:
    """The file of a scenario, changed so that the run reads the configuration even if the path is healthy."""
    if 'ec2 = "always"' in toml:
        return toml
    head, run, rest = toml.partition("[run]\n")
    if run:
        return f'{head}{run}ec2 = "always"\n{rest}'
    place = toml.find("\n[")
    return f'{toml[:place]}\n[run]\nec2 = "always"\n{toml[place:]}'


def options(run: RunPart, ec2: Ec2Part | None = None) -> tuple[str, ...]:
    """The options of a run. If `ec2` is missing, the run makes no reads of EC2; otherwise each step has
    READ_SECONDS.
    """
    answers = ec2 is not None and ec2.source == "live" and ec2.answer != "silence"
    timeout = max(run.timeout, READ_SECONDS) if answers else run.timeout
    return (
        *("--format", "json", "--timeout", str(timeout), "--deadline", str(run.deadline)),
        *(("--expect", run.expect.value) if run.expect is not None else ()),
        *(("--region", run.region) if run.region else ()),
        *(word for workload in run.workloads for word in ("--workload", workload.value)),
        *(word for service in run.services for word in ("--service", service)),
        *(word for endpoint in run.endpoints for word in ("--endpoint", endpoint)),
        *("--calls", run.calls.value),
        *(("--jobs",) if run.jobs else ()),
        *("--ec2", (Ec2.NEVER if ec2 is None else run.ec2).value),
    )


def environment(vpc: Vpc, folder: Path) -> dict[str, str]:
    """All environment variables of the program. With them, it trusts the roots of the scenario's world."""
    roots = folder / "roots.pem"
    roots.write_text("".join(root_pem(issuer) for issuer in vpc.scenario.host.trusts), encoding="ascii")
    config = folder / "config"
    lines = []
    if vpc.scenario.sdk.region is not None:  # in a variable, the command itself would read it before the SDK does
        lines.append(f"region = {vpc.scenario.sdk.region}")
    if vpc.scenario.credentials.source == "fails":
        lines.append("credential_process = /bin/false")
    if vpc.scenario.credentials.source == "hangs":
        lines.append("credential_process = /bin/sleep 120")
    if vpc.scenario.credentials.source == "web-identity":
        (folder / "token").write_text("a token that STS never sees", encoding="ascii")
    if vpc.scenario.sdk.broken_file:
        lines.append("region eu-west-1 and no sign between")
    if lines:
        config.write_text("\n".join(["[default]", *lines, ""]), encoding="ascii")
    return {
        "PATH": os.defpath,
        "HOME": str(folder / "home"),
        "AWS_CA_BUNDLE": str(roots),
        "AWS_CONFIG_FILE": str(config),
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "no-credentials"),
        **sdk_variables(vpc.scenario.sdk),
        **metadata_variables(vpc.scenario),
        **credential_variables(vpc.scenario.credentials, folder),
        **vpc.scenario.host.environment,
    }


def credential_variables(credentials: CredentialsPart, folder: Path) -> dict[str, str]:
    """The variables with the SDK's credentials. There are no variables if the scenario has no credentials, or if the
    source of the credentials fails.
    """
    if credentials.source == "web-identity":
        role = "arn:aws:iam::111122223333:role/BackupAgent"
        return {"AWS_ROLE_ARN": role, "AWS_WEB_IDENTITY_TOKEN_FILE": str(folder / "token")}
    if credentials.source != "env":
        return {}
    variables = {"AWS_ACCESS_KEY_ID": credentials.access_key_id, "AWS_SECRET_ACCESS_KEY": credentials.secret_key}
    return variables if credentials.token is None else variables | {"AWS_SESSION_TOKEN": credentials.token}


def metadata_variables(scenario: Scenario) -> dict[str, str]:
    """Variables that limit how long the SDK waits for a metadata service that does not answer. If the timeout of a step
    must end the wait, the SDK's limit is far longer. With similar limits, either might be reached first on a busy
    machine.
    """
    if scenario.metadata.answer == "silence" and scenario.run.timeout < METADATA_SECONDS:
        return {"AWS_METADATA_SERVICE_TIMEOUT": str(int(START_SECONDS))}
    return {}


def sdk_variables(sdk: SdkPart) -> dict[str, str]:
    """Variables that configure the SDK (AWS SDKs and Tools Reference Guide, Environment variables)."""
    variables = {
        f"AWS_ENDPOINT_URL_{service.upper().replace('-', '_')}": url for service, url in sdk.endpoint_urls.items()
    }
    if sdk.fips:
        variables["AWS_USE_FIPS_ENDPOINT"] = "true"
    if sdk.dual_stack:
        variables["AWS_USE_DUALSTACK_ENDPOINT"] = "true"
    return variables
