"""`packaging/acceptance`: test backuplink in a real VPC, which is made for the test, broken, repaired and removed.

The tests run this with moto in place of AWS, and run the host's commands on this machine. A run shows its cost, and
asks before it makes anything. At its end, it removes everything, even after an error or an interrupt. After a kill or a
failure of the network, `--remove` finds by name what is left, and removes it.
"""

import argparse
import contextlib
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

import botocore.session
from botocore.exceptions import BotoCoreError, ClientError

from acceptance_account import PREFIX, AcceptanceError, Account, DefaultAcl, Host, Step, stack_name
from acceptance_cases import CASES, HOURS, PRICES, RESOLVER, STACKS, Case, complaint, dollars
from agent.catalog.services import service_name_of
from agent.formats import json as json_format
from agent.process.output import one_line
from agent.report.model import Report
from agent.report.redact import redact
from agent.report.saved import SavedReportError, parse_report
from agent.version import __version__

ROOT: Final = Path(__file__).parents[2]
MET, NOT_MET, REFUSED = 0, 1, 3
"""Exit codes: every case was as expected; a case was not as expected; nothing was run, something is left, or something
went wrong."""
TRIES: Final = (30, 60, 120, 240)
"""Seconds from the break of a case to each of its checks. Checks are made until one finds what is expected, since a
change takes time in AWS and in caches."""
LATER: Final = (150, 300)
"""Seconds from the break of a case to each of its checks, if the checks are scheduled before the break."""
CHECK_SECONDS: Final = 45
"""Seconds for a check that a timer of the host starts: its deadline of 20 seconds, and the start of the program."""
GATEWAY: Final = "backup-gateway"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The outcome of a case."""

    case: Case
    report: Report | None
    complaint: str | None
    """What was not as expected. None if everything was."""
    tries: int


class NotRepairedError(AcceptanceError):
    """A fault could not be repaired; the reason is in words for the operator."""


class Interrupted(BaseException):
    """A signal to stop."""


# --- Before a run --------------------------------------------------------------------------------------------


def price_text() -> str:
    """What a run costs."""
    rows = [
        f"  {price.count} x {price.what}, {price.hours} h at {price.dollars:g} USD: {price.total:.2f} USD"
        for price in PRICES
    ]
    return "\n".join(
        [
            f"It costs about {dollars():.2f} USD at the list prices of us-east-1, if it takes {HOURS} hours;",
            "other Regions cost up to twice as much. The prices are not read from AWS: your bill decides.",
            *rows,
        ]
    )


def dry_run(cases: Sequence[Case]) -> str:
    """Return all steps, expectations and costs of a run. This makes no call."""
    lines = ["This is what a run does. Nothing is called now.", "", price_text(), "", "Before the cases:", ""]
    lines += [f"  aws s3api create-bucket --bucket {PREFIX}-ACCOUNT-REGION", "  aws s3 cp FILE s3://BUCKET/backuplink"]
    lines += [f"  {word}" for stack in STACKS for word in stack.words()]
    lines += ["  the host fetches the file from the bucket, by Run Command"]
    for number, case in enumerate(cases, 1):
        lines += ["", f"{number}. {case.name}: {case.fault}"]
        if case.cuts_off:
            lines += ["  the host is told to make the check later, since Systems Manager may not reach it then"]
        lines += [f"  break   {word}" for step in case.breaks for word in step.words()]
        lines += [f"  on host {line}" for line in case.before.splitlines()]
        asked = " ".join(f"--service {service}" for service in case.services)
        lines += [f"  check   backuplink check {asked} --ec2 auto --format json, by Run Command"]
        lines += [f"  expect  {expectation(case)}"]
        lines += [f"  repair  {word}" for step in case.repairs for word in step.words()]
    lines += ["", "In the end, also after an error or an interrupt:", ""]
    lines += [f"  {word}" for word in DefaultAcl().words()]
    lines += [f"  aws cloudformation delete-stack --stack-name {stack_name(name)}" for name in _stack_names()]
    lines += [f"  aws s3 rb --force s3://{PREFIX}-ACCOUNT-REGION"]
    return "\n".join(lines) + "\n"


def expectation(case: Case) -> str:
    """What a check must say, in words."""
    words = f"{case.status}, path {case.path}"
    if not case.causes:
        return f"{words}, nothing found"
    also = f", with {', '.join(sorted(case.also))}" if case.also - case.causes else ""
    return f"{words}, first {' or '.join(sorted(case.causes))}{also}"


def _stack_names() -> list[str]:
    """Stacks in the order in which they are removed."""
    return [RESOLVER.name, *(stack.name for stack in reversed(STACKS))]


# --- A run -----------------------------------------------------------------------------------------------------------


class Acceptance:
    """One run in one account and Region."""

    def __init__(
        self,
        account: Account,
        output: Path,
        *,
        say: Callable[[str], None],
        host_of: Callable[[Account, str], Host] = Host,
    ) -> None:
        self.account = account
        self.output = output
        self.say = say
        self._host_of = host_of
        self._names: dict[str, str] = {}
        self.has_begun = False
        """Whether this run may have made something. Until then, it has nothing to remove."""

    def run(self, file: Path, cases: Sequence[Case]) -> list[Outcome]:
        """Make the network, run each case, and write the outcomes. Raises AcceptanceError and the errors of botocore;
        `remove` then removes what was made so far."""
        host = self._made(file)
        outcomes: list[Outcome] = []
        for number, case in enumerate(cases, 1):
            self.say(f"{number} of {len(cases)}: {case.name}, {case.fault}")
            outcome = self._case(host, case)
            self.say(f"  {outcome.complaint or 'as expected'}")
            outcomes.append(outcome)
            self._keep(outcome)
            self._write("table.md", table(outcomes))
        return outcomes

    def remove(self) -> None:
        """Remove everything that this run and earlier runs created in this account and Region. Raises AcceptanceError
        if something is left.
        """
        left: list[str] = []
        self._removed(left, "network ACLs", self._remove_acls)
        for name in _stack_names():
            self._removed(left, stack_name(name), partial(self.account.remove_stack, name))
        self._removed(left, self._names.get("Bucket", "bucket"), self._remove_bucket)
        if left:
            raise AcceptanceError(f"not removed: {'; '.join(left)}. Run packaging/acceptance --remove again")

    def _removed(self, left: list[str], what: str, act: Callable[[], None]) -> None:
        self.say(f"removing {what}")
        try:
            act()
        except Exception as error:  # noqa: BLE001 - the rest must be removed after any error
            left.append(f"{what} ({one_line(str(error))})")

    def _remove_acls(self) -> None:
        vpc_id = self._names.get("Vpc") or self._vpc_that_is_there()
        if vpc_id is not None:
            DefaultAcl().run(self.account, {"Vpc": vpc_id})

    def _remove_bucket(self) -> None:
        self.account.remove_bucket(self._names.get("Bucket") or self._bucket())

    def _vpc_that_is_there(self) -> str | None:
        if stack_name("network") not in self.account.stacks():
            return None
        stacks = self.account.call("cloudformation", "describe_stacks", StackName=stack_name("network"))["Stacks"]
        outputs = {output["OutputKey"]: output["OutputValue"] for output in stacks[0].get("Outputs", ())}
        return outputs.get("Vpc")

    def _bucket(self) -> str:
        return self.account.bucket(self.account.call("sts", "get_caller_identity")["Account"])

    def _made(self, file: Path) -> Host:
        """Make the network and the host, and install the program on the host."""
        bucket = self._bucket()
        there = sorted(self.account.stacks()) + [bucket] * self.account.has_bucket(bucket)
        if there:
            raise AcceptanceError(
                f"another run made {', '.join(there)}: wait for its end, or remove what it left by "
                "packaging/acceptance --remove"
            )
        first, second = self._zones()
        self._names = {"FirstZone": first, "SecondZone": second, "Bucket": bucket}
        self.say(f"making the bucket {bucket}")
        self.has_begun = True
        self.account.make_bucket(bucket, file)
        for stack in STACKS:
            self.say(f"making the stack {stack_name(stack.name)}")
            # If two stacks are made from one template, the names are those of the first. No case breaks the second.
            self._names = {**stack.made(self.account, self._names), **self._names}
        host = self._host_of(self.account, self._names["Host"])
        self.say("waiting until Systems Manager reaches the host")
        host.wait_until_online()
        self.say(f"the host has {host.install(bucket)}")
        return host

    def _zones(self) -> tuple[str, str]:
        """Return two zones that have both services. Raises AcceptanceError."""
        zones: set[str] | None = None
        for service in ("backup", GATEWAY):
            name = service_name_of(service, self.account.region)
            if name is None:
                raise AcceptanceError(f"{service} is not offered in {self.account.region}; name another --region")
            rows = self.account.call("ec2", "describe_vpc_endpoint_services", ServiceNames=[name])["ServiceDetails"]
            own = {zone for row in rows for zone in row["AvailabilityZones"]}
            zones = own if zones is None else zones & own
        if zones is None or len(zones) < 2:
            raise AcceptanceError(f"{self.account.region} has no two zones with both services; name another --region")
        first, second, *_ = sorted(zones)
        return first, second

    def _case(self, host: Host, case: Case) -> Outcome:
        """Break the network, check until the result is as expected, and repair the network even after an error. Raises
        NotRepairedError."""
        try:
            if case.cuts_off:
                return self._tried(case, LATER, lambda seconds: self._checked_later(host, case, seconds))
            try:
                self._do(case.breaks)
                waits = TRIES if case.breaks else TRIES[:2]
                return self._tried(case, waits, lambda seconds: self._checked(host, case, seconds))
            finally:
                self._repair(case)
        except NotRepairedError:
            raise
        except ClientError as error:
            words = f"AWS refused a step: {one_line(str(error))}"
            return Outcome(case=case, report=None, complaint=words, tries=0)
        except AcceptanceError as error:
            words = one_line(str(error))
            return Outcome(case=case, report=None, complaint=words, tries=0)

    def _tried(self, case: Case, waits: Sequence[int], check: Callable[[int], bytes]) -> Outcome:
        report, words, tries = None, None, 0
        for seconds in waits:
            tries += 1
            try:
                report = parse_report(check(seconds), case.name)
                words = complaint(case, report)
            except NotRepairedError:
                raise
            except (AcceptanceError, SavedReportError) as error:
                words = one_line(str(error))
            if words is None:
                break
        return Outcome(case=case, report=report, complaint=words, tries=tries)

    def _checked(self, host: Host, case: Case, seconds: int) -> bytes:
        self.account.sleep(seconds if case.breaks else 0)
        return host.check(case.name, case.services, case.before)

    def _checked_later(self, host: Host, case: Case, seconds: int) -> bytes:
        host.check_later(case.name, case.services, case.before, seconds)
        try:
            self._do(case.breaks)
            self.account.sleep(seconds + CHECK_SECONDS)
        finally:
            self._repair(case)
        host.wait_until_online()
        return host.report(case.name)

    def _repair(self, case: Case) -> None:
        """Repair the network after a case. Raises NotRepairedError, since the next case would otherwise have two
        faults."""
        try:
            self._do(case.repairs)
        except (AcceptanceError, ClientError) as error:
            raise NotRepairedError(f"{case.name} could not be repaired: {one_line(str(error))}") from error

    def _do(self, steps: Sequence[Step]) -> None:
        for step in steps:
            step.run(self.account, self._names)

    # --- Output ---

    def _keep(self, outcome: Outcome) -> None:
        """Write the report and a masked copy. Only the owner can read the report. The copy is a fixture."""
        if outcome.report is None:
            return
        name = f"{outcome.case.name}.json"
        self._write(f"reports/{name}", json_format.render(outcome.report))
        self._write(f"fixtures/{name}", json_format.render(redact(outcome.report)))
        self._write("fixtures/run.json", run_record(self.account.region))

    def _write(self, name: str, text: str) -> None:
        path = self.output / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def run_record(region: str, made_by: str = "aws") -> str:
    """The text of `run.json` in a folder of fixtures, which tells where the reports come from."""
    taken_at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%MZ")
    record = {"made_by": made_by, "region": region, "version": __version__, "taken_at": taken_at}
    return json.dumps(record, indent=1) + "\n"


def table(outcomes: Sequence[Outcome]) -> str:
    """The outcomes as a table of Markdown."""
    lines = ["| case | broken | expected | found | checks | |", "|---|---|---|---|---|---|"]
    for outcome in outcomes:
        case, report = outcome.case, outcome.report
        if report is None:
            found = "no report"
        else:
            codes = ", ".join(finding.code for finding in report.findings) or "nothing"
            found = f"{report.verdict.status}, path {report.verdict.path}: {codes}"
        met = "as expected" if outcome.complaint is None else f"**{outcome.complaint.replace('|', '/')}**"
        lines.append(f"| {case.name} | {case.fault} | {expectation(case)} | {found} | {outcome.tries} | {met} |")
    return "\n".join(lines) + "\n"


# --- The command -----------------------------------------------------------------------------------------------------


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(REFUSED, f"{self.prog}: {message}; --help names the options\n")


def parser() -> argparse.ArgumentParser:
    """The parser of the options."""
    made = _Parser(
        prog="packaging/acceptance",
        description="Makes a VPC without internet access in your account, breaks and repairs it, compares what "
        "backuplink reports for each fault with what it should report, and removes everything. See "
        "docs/acceptance.md.",
        epilog="Exit codes: 0 every case was as expected, 1 a case was not, 3 nothing was run, or something went wrong "
        "or is left.",
    )
    made.add_argument("--dry-run", action="store_true", help="print every step, expectation and cost; call nothing")
    made.add_argument("--remove", action="store_true", help="remove what earlier runs left, and run nothing")
    made.add_argument("--yes", action="store_true", help="do not ask before money is spent")
    made.add_argument("--region", help="the Region; by default that of the SDK's settings")
    made.add_argument("--profile", help="a profile of the SDK's settings")
    made.add_argument("--file", type=Path, help="the one file for x86_64; by default the one in dist/")
    made.add_argument(
        "--output",
        type=Path,
        help="folder for reports, fixtures and table; by default a new folder in build/acceptance/",
    )
    made.add_argument(
        "--only",
        action="append",
        choices=[case.name for case in CASES],
        metavar="CASE",
        help="run only this case; repeat the option for several cases",
    )
    return made


def main(
    arguments: Sequence[str], *, make: Callable[..., Account] = Account, host_of: Callable[[Account, str], Host] = Host
) -> int:
    """Run the command. Returns its exit code."""
    given = parser().parse_args(arguments)
    cases = [case for case in CASES if given.only is None or case.name in given.only]
    if given.dry_run:
        sys.stdout.write(dry_run(cases))
        return MET
    try:
        session = botocore.session.Session(profile=given.profile)
        region = given.region or session.get_config_variable("region")
        if region is None:
            raise AcceptanceError("no Region is set: name one with --region")
        account = make(session, region, say=say)
        output = given.output or ROOT / "build" / "acceptance" / datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        acceptance = Acceptance(account, output, say=say, host_of=host_of)
        caller = account.call("sts", "get_caller_identity")
        say(f"account {caller['Account']}, {region}, as {caller['Arn']}")
        if given.remove:
            return _ended(acceptance, MET)
        file = given.file or built()
        if not file.is_file():
            raise AcceptanceError(f"{file} is not a file; name the one file for x86_64 with --file")
        say(price_text())
        if not given.yes and not agreed():
            raise AcceptanceError("nothing was made")
    except (AcceptanceError, BotoCoreError, ClientError) as error:
        say(one_line(str(error)))
        return REFUSED
    return _run(acceptance, file, cases)


def _run(acceptance: Acceptance, file: Path, cases: Sequence[Case]) -> int:
    """Make a run, and remove everything at its end, even after an error."""
    before = {number: signal.signal(number, _interrupt) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    code = REFUSED
    try:
        outcomes = acceptance.run(file, cases)
        sys.stdout.write(table(outcomes))
        code = MET if all(outcome.complaint is None for outcome in outcomes) else NOT_MET
        say(f"reports, fixtures and table are in {acceptance.output}")
    except (AcceptanceError, BotoCoreError, ClientError, OSError) as error:
        say(one_line(str(error)))
        code = REFUSED
    except Interrupted as error:
        say(f"interrupted by {error}")
        code = REFUSED
    except Exception:  # noqa: BLE001 - a defect, with its traceback; what was made is removed all the same
        say(traceback.format_exc())
        code = REFUSED
    finally:
        for number in before:
            signal.signal(number, _not_now)
        if acceptance.has_begun:
            code = _ended(acceptance, code)
        for number, handler in before.items():
            signal.signal(number, handler)
    return code


def _ended(acceptance: Acceptance, code: int) -> int:
    try:
        acceptance.remove()
    except (AcceptanceError, BotoCoreError, ClientError) as error:
        say(one_line(str(error)))
        return REFUSED
    say("everything is removed")
    return code


def _interrupt(number: int, _: FrameType | None) -> None:
    signal.signal(number, _not_now)
    raise Interrupted(signal.Signals(number).name)


def _not_now(_: int, __: FrameType | None) -> None:
    say("what was made is being removed first; after a kill, run packaging/acceptance --remove")


def agreed() -> bool:
    """Ask the operator. Returns whether the answer is yes."""
    if not sys.stdin.isatty():
        raise AcceptanceError("nobody can be asked here; use --yes if you agree to the cost")
    sys.stderr.write("Go on? [yes/no] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() == "yes"


def built() -> Path:
    """The one file in dist/. Raises AcceptanceError."""
    name = f"backuplink-{__version__}-linux-x86_64.run"
    file = ROOT / "dist" / name
    if not file.is_file():
        raise AcceptanceError(f"dist/ holds no {name}: build it by packaging/build onefile, or name one with --file")
    return file


def say(words: str) -> None:
    """Tell the operator something. If the terminal was closed, or the reader has ended, the run goes on, so that it
    removes what it made."""
    with contextlib.suppress(OSError):
        sys.stderr.write(f"{time.strftime('%H:%M:%S')} {words}\n")
        sys.stderr.flush()


if __name__ == "__main__":
    os.umask(0o077)  # reports have ids of the account
    sys.exit(main(sys.argv[1:]))
