"""The documents and exit codes of `backuplink predict`, for the example's facts and for a simulated VPC. Its
predictions agree with those of a run on a host of that VPC.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any, Final

import boto3.session
import jsonschema_rs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.app.errors import RequestError
from agent.app.predict import predict
from agent.app.publish import PREDICTION
from agent.cli import entry
from agent.documents import html
from agent.network.answers import Answer
from agent.predict import content
from agent.predict import model as prediction
from agent.predict.model import PredictionDocument
from agent.predict.request import PredictRequest
from agent.process import signals
from agent.process.cancel import CancelToken
from agent.report import codec, facts_file
from agent.report.escape import visible
from agent.report.hops import EPHEMERAL, Reachability, is_detour
from agent.report.redact import redact_document
from agent.run.collect_facts import FactsRequest, FactsUnavailable, gather
from agent.settings import Ec2Facts, Output
from agent.simulated import network
from agent.simulated.clock import VirtualLoop
from agent.simulated.settings import EPOCH
from agent.simulated.world import simulated
from probes.model import Ok, Step
from probes.vpc.model import INTERFACES, SECURITY_GROUPS, SUBNETS
from tests.formats import html_page, junit_results, svg_picture
from tests.hostile.fuzz.mutation import spoilt_document
from tests.support import extent, moto_server, scenarios
from tests.support.command import SECONDS
from tests.support.extent import one_in
from tests.support.outputs import asked
from tests.support.repository import ROOT
from tests.support.runs import evidence_of, report_of, too_long

ESTATE: Final = str(ROOT / "docs/examples/estate.json")
VPC_ID: Final = "vpc-0a1b2c3d4e5f67890"
INSTANCE_ID: Final = "i-0a1b2c3d4e5f67890"
READS: Final = FactsRequest(vpc_id=VPC_ID, region="eu-west-1", profile=None, ca_bundle=None, timeout=3.0, deadline=60.0)
BLANK: Final = PredictRequest(
    place=None,
    reads=None,
    sources=("all",),
    workloads=(),
    services=(),
    ports=(),
    assumptions=(),
    plans=(),
    output=Output(format="json"),
)
VALIDATOR: Final = jsonschema_rs.Draft202012Validator(prediction.schema())


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """Restore the signals after the test."""
    before = {number: signal.getsignal(number) for number in signals.SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


async def _never(_: FactsRequest, __: CancelToken) -> Ec2Facts | FactsUnavailable:
    raise AssertionError("a file is not read from EC2")


def of_file(place: str = ESTATE, **changes: Any) -> int:
    return predict(asked(BLANK, place=place, **changes), _never, [])


def of_vpc(more: str = "[ec2]", received: list[str] | None = None, **changes: Any) -> int:
    """Predict from the reads of the healthy simulated VPC, with `more` added to its scenario."""
    chosen = scenarios.parse("healthy", f"{scenarios.text('healthy')}\n{more}")

    async def gathered(wanted: FactsRequest, stop: CancelToken) -> Ec2Facts | FactsUnavailable:
        async with simulated(chosen) as world:
            return await gather(wanted, world, stop=stop)

    request = asked(BLANK, **{"reads": READS, **changes})
    return predict(request, gathered, [] if received is None else received, loop_factory=VirtualLoop)


def read(text: str) -> PredictionDocument:
    """A JSON document as an object of its class, validated against its schema."""
    document = json.loads(text)
    VALIDATOR.validate(document)
    return prediction.decode(document)


# --- The example -----------------------------------------------------------------------------------------------------


def test_the_example_shows_what_predictions_are_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert of_file(services=("backup-gateway",)) == 2
    out, err = capsys.readouterr()
    assert err == "", "a VPC that is made up does not age"
    document = read(out)
    assert document.interface_count == 27
    found = {(fault.code, fault.ports): fault.interface_count for fault in document.faults}
    assert found == {
        ("VPC005", (1031,)): 24,  # a forgotten port, closed to the appliances as well
        ("VPC005", (1026, 1028)): 21,  # all hosts except the appliances
        ("VPC006", (443,)): 5,  # the network ACL that blocks answers
        ("VPC012", (443, 1026, 1028, 1031)): 3,  # the application that blocks outgoing packets
    }
    assert {name.answer for name in document.names} == {Answer.PRIVATE}


def test_how_old_facts_are_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "facts.json"
    text = Path(ESTATE).read_text("ascii")
    place.write_text(text.replace('"example": true', '"example": false'), "ascii")
    assert of_file(str(place), services=("backup-gateway",)) == 2
    assert capsys.readouterr().err.startswith(f"{place}: it was taken ")


@pytest.mark.parametrize(
    ("changes", "code", "status"),
    [
        pytest.param({"sources": ("subnet-0e57a7e0000000031",), "services": ("backup",)}, 0, "ok", id="open"),
        pytest.param({"sources": ("subnet-0e57a7e0000000013",)}, 2, "critical", id="no answers come in"),
        pytest.param({"sources": ("subnet-0e57a7e0000000099",)}, 3, "unknown", id="a subnet without a host"),
        pytest.param(
            {"services": ("s3",), "sources": ("subnet-0e57a7e0000000021",)}, 2, "critical", id="no route to S3"
        ),
        pytest.param({"services": ("s3",), "sources": ("subnet-0e57a7e0000000031",)}, 0, "ok", id="S3"),
        pytest.param({"services": ("sns",)}, 2, "critical", id="no endpoint"),
        pytest.param({"services": ("sns",), "fail_on": "never"}, 0, "critical", id="never"),
        pytest.param({"services": ("sns",), "fail_on": "critical"}, 2, "critical", id="critical"),
        pytest.param({"sources": ("subnet-0e57a7e0000000099",), "fail_on": "critical"}, 3, "unknown", id="unknown"),
        pytest.param({"services": ("backup",), "ports": (1026,)}, 2, "critical", id="another port"),
    ],
)
def test_the_exit_code_is_that_of_what_is_required(
    changes: dict[str, Any], code: int, status: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert of_file(**changes) == code
    assert read(capsys.readouterr().out).verdict.status == status


def test_without_a_service_a_caller_is_meant(capsys: pytest.CaptureFixture[str]) -> None:
    of_file()
    assert read(capsys.readouterr().out).services == ("backup", "backup-gateway")


def test_the_same_facts_give_the_same_document(capsys: pytest.CaptureFixture[str]) -> None:
    texts = [(of_file(), capsys.readouterr().out)[1] for _ in range(2)]
    assert texts[0] == texts[1]


def test_its_schema_is_written_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert entry.run(["schema", "prediction"]) == 0
    assert json.loads(capsys.readouterr().out) == prediction.schema()
    assert entry.run(["schema"]) == 0
    assert json.loads(capsys.readouterr().out) == codec.schema()


# --- Changes that are not made yet -----------------------------------------------------------------------------------

GROUP: Final = "sg-0e57a7e0000000002"
SHUTS: Final = f"{GROUP}:-in:tcp:443:10.20.0.0/16"
OPENS: Final = f"{GROUP}:+in:tcp:1026-1031:10.20.0.0/16"


@pytest.mark.parametrize(
    ("assumptions", "code", "status"),
    [
        pytest.param((SHUTS,), 2, "critical", id="it closes"),
        pytest.param((OPENS,), 0, "ok", id="it opens, and others stay shut"),
        pytest.param((OPENS, SHUTS), 2, "critical", id="both"),
        pytest.param((f"{GROUP}:+in:tcp:443:pl-0e57a7e0000000099", SHUTS), 3, "unknown", id="it may close"),
    ],
)
def test_the_exit_code_is_that_of_the_change(
    assumptions: tuple[str, ...], code: int, status: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert of_file(services=("backup-gateway",), assumptions=assumptions) == code
    document = read(capsys.readouterr().out)
    assert (document.verdict.status, len(document.assumed)) == (status, len(assumptions))


def test_a_change_that_cannot_be_made_is_said() -> None:
    with pytest.raises(
        RequestError, match=rf"^--assume: {GROUP}:-in:tcp:1:10\.20\.0\.0/16: {GROUP} has no such inbound"
    ):
        of_file(assumptions=(f"{GROUP}:-in:tcp:1:10.20.0.0/16",))


def test_text_says_first_what_the_change_does(capsys: pytest.CaptureFixture[str]) -> None:
    of_file(format="text", services=("backup-gateway",), assumptions=(SHUTS, OPENS))
    out = capsys.readouterr().out
    assert too_long(out) == []
    assert out.startswith("CRITICAL  the change closes backup-gateway for 19 of 27 interfaces")
    shuts, opens = "remove inbound tcp 443 from 10.20.0.0/16", "add inbound tcp 1026-1031 from 10.20.0.0/16"
    assert (
        out.index(f"What the assumed changes do\n  {GROUP}: {shuts}\n  {GROUP}: {opens}\n")
        < out.index("CLOSES backup-gateway 443 at")
        < out.index("\n  opens backup")
    )
    assert out.index("\n  opens backup") < out.index("assumes these changes") < out.index("1. CRITICAL")


def test_junit_has_a_case_for_each_effect(capsys: pytest.CaptureFixture[str]) -> None:
    of_file(format="junit", services=("backup-gateway",), assumptions=(SHUTS, OPENS))
    cases = junit_results.read(capsys.readouterr().out)
    effects = {
        case.name.split(" at ")[0]: case.result
        for case in cases
        if "backup-gateway" in case.name and " at " in case.name
    }
    assert effects == {
        "CLOSES backup-gateway 443": "failure",
        "opens backup-gateway 1031": "passed",
        "opens backup-gateway 1026 and 1028": "passed",
    }


def test_the_page_shows_what_the_change_does(capsys: pytest.CaptureFixture[str]) -> None:
    of_file(format="html", services=("backup-gateway",), assumptions=(SHUTS,))
    words = " ".join(element.text for element in html_page.read(capsys.readouterr().out))
    assert "What the assumed changes do" in words
    assert f"{GROUP}: remove inbound tcp 443 from 10.20.0.0/16" in words
    assert "CLOSES backup-gateway 443" in words


EXAMPLE_PLAN: Final = str(ROOT / "docs/examples/plan.json")
INTENTS: Final = str(ROOT / "docs/examples/intents.toml")
EXAMPLE_CHANGES: Final = str(ROOT / "docs/examples/change-set.json")
DENIES: Final = '{"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"}]}'
ENDPOINT: Final = "vpce-0e57a7e0000000002"


@pytest.mark.parametrize(
    ("asked_for", "code", "red"),
    [
        pytest.param({}, 2, {"backuplink", "backuplink backup-gateway"}, id="nothing but what is there"),
        pytest.param({"assumptions": (SHUTS,)}, 2, {"backuplink", "backuplink changes"}, id="a change that closes"),
        pytest.param({"assumptions": (OPENS,)}, 0, set(), id="a change that opens"),
        pytest.param({"intents": INTENTS}, 2, {"backuplink", "backuplink intents"}, id="an intent that does not hold"),
        pytest.param({"intents": INTENTS, "plans": (EXAMPLE_PLAN,)}, 0, set(), id="a plan that makes intents hold"),
        pytest.param(
            {"intents": INTENTS, "assumptions": (OPENS, SHUTS)}, 2, {"backuplink", "backuplink intents"}, id="both"
        ),
    ],
)
def test_junit_is_red_where_it_decides_the_exit_code_and_nowhere_else(
    asked_for: dict[str, Any], code: int, red: set[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """These ports are closed in every case, and only the request differs."""
    assert of_file(format="junit", services=("backup-gateway",), **asked_for) == code
    cases = junit_results.read(capsys.readouterr().out)
    assert {case.suite for case in cases if case.result in ("failure", "error")} == red
    left_out = [case for case in cases if case.name == "source-2 1031"]
    assert [case.result for case in left_out] == ["skipped" if asked_for else "failure"]


@pytest.mark.parametrize(
    ("content", "place", "says"),
    [
        pytest.param("[[open]]\nname = 'a'\nservices = ['x']\n", ":1", "'x' is not a service", id="what is read"),
        pytest.param(
            "[[open]]\nname = 'a'\nfrom = ['i-0badbad0']\nservices = ['backup']\n",
            ":1",
            "i-0badbad0",
            id="what is asked",
        ),
        pytest.param("[[open", "", "is not TOML", id="the whole file"),
    ],
)
def test_an_error_names_the_file_of_intents_as_it_was_given(
    content: str, place: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "network").mkdir()
    (tmp_path / "network" / "intents.toml").write_text(content, "ascii")
    with pytest.raises(RequestError) as refused:
        of_file(intents="network/intents.toml")
    assert refused.value.why.startswith(f"--intent: network/intents.toml{place}: ")
    assert says in refused.value.why


def test_a_document_names_the_file_of_intents_without_its_folder(capsys: pytest.CaptureFixture[str]) -> None:
    assert of_file(intents=INTENTS) == 2
    places = [intent.place for intent in read(capsys.readouterr().out).intents]
    assert places
    assert all(place.startswith("intents.toml:") for place in places)


@pytest.mark.parametrize(
    ("plans", "changes", "code", "effects"),
    [
        pytest.param((EXAMPLE_PLAN,), {}, 2, {"closes": {443}, "opens": {1031}}, id="of Terraform"),
        pytest.param(
            (EXAMPLE_CHANGES,),
            {"services": ("backup",)},
            2,
            {"closes": set(), "may-close": {443}, "opens": {443}},
            id="of CloudFormation",
        ),
        pytest.param((EXAMPLE_CHANGES,), {}, 3, {"may-close": {443}, "opens": {443}}, id="of another endpoint"),
    ],
)
def test_a_plan_is_an_assumption(
    plans: tuple[str, ...],
    changes: dict[str, Any],
    code: int,
    effects: dict[str, set[int]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """If a value is only known later, a plan may close a path because of it, but never opens one."""
    assert of_file(**{"plans": plans, "services": ("backup-gateway",)} | changes) == code
    document = read(capsys.readouterr().out)
    assert document.ignored
    found: dict[str, set[int]] = {}
    for change in document.changes:
        found.setdefault(change.effect, set()).update(change.ports)
    assert found == effects


def test_changes_that_are_typed_come_after_those_of_plans(capsys: pytest.CaptureFixture[str]) -> None:
    """The plan removes the rule that the typed change adds again."""
    back = SHUTS.replace(":-in", ":+in")
    assert of_file(plans=(EXAMPLE_PLAN,), assumptions=(back,), services=("backup-gateway",)) == 0
    document = read(capsys.readouterr().out)
    assert document.assumed[0] == f"{GROUP}: remove inbound tcp 443 from 10.20.0.0/16"
    assert document.assumed[-1] == f"{GROUP}: add inbound tcp 443 from 10.20.0.0/16"
    with pytest.raises(RequestError, match="has this inbound rule already"):
        of_file(assumptions=(back,))


@pytest.mark.parametrize("wanted", ["text", "junit", "html", "markdown"])
def test_every_format_says_what_is_not_judged(wanted: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    zone = {"type": "aws_route53_zone", "change": {"actions": ["create"], "before": None, "after": {}}}
    place = tmp_path / "plan.json"
    place.write_text(json.dumps({"format_version": "1.2", "resource_changes": [zone]}), "utf-8")
    assert of_file(format=wanted, plans=(str(place),), services=("backup-gateway",)) == 3
    out = " ".join(capsys.readouterr().out.replace("\\", "").split())
    assert "1 change of aws_route53_zone, which may matter and cannot be followed" in out


@pytest.mark.parametrize("wanted", ["text", "json", "junit", "html", "markdown"])
def test_every_format_says_what_a_policy_denies(
    wanted: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "new policy.json"
    place.write_text(DENIES, "utf-8-sig")
    code = of_file(format=wanted, services=("backup-gateway",), assumptions=(f"{ENDPOINT}:policy={place}",))
    assert code == 2
    out = " ".join(capsys.readouterr().out.split())
    assert "backup-gateway:ListGateways" in out
    assert str(tmp_path) not in out
    if wanted == "text":
        assert f"CLOSES the call backup-gateway:ListGateways at {ENDPOINT} After the change: statement 1 denies" in out
        assert f"backup-gateway:ListGateways at {ENDPOINT} DENIED statement 1 denies" in out


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is not a policy that AWS would take: it is not JSON"),
        (b"\xff", "is not UTF-8 text, and so not a policy"),
        (b" " * 100_000, "is larger than 80 KiB, more than a policy has"),
        (b" " * 30_000, "is not a policy that AWS would take: it is longer than the 20,480 characters that AWS takes"),
    ],
)
def test_a_file_without_a_policy_is_refused(content: bytes, why: str, tmp_path: Path) -> None:
    place = tmp_path / "new.json"
    place.write_bytes(content)
    with pytest.raises(RequestError) as caught:
        of_file(assumptions=(f"{ENDPOINT}:policy={place}",))
    assert caught.value.why.startswith("--assume: ")
    assert why in caught.value.why


def test_a_plan_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from agent.app import read_saved

    monkeypatch.setattr(read_saved, "MAX_PLAN_BYTES", 1 << 20)
    place = tmp_path / "plan.json"
    place.write_bytes(b" " * ((1 << 20) + 1))
    with pytest.raises(RequestError, match="is larger than 1 MiB, the limit of a plan"):
        of_file(plans=(str(place),))


# --- Formats ---------------------------------------------------------------------------------------------------------


def test_text_fits_eighty_columns_of_ascii(capsys: pytest.CaptureFixture[str]) -> None:
    of_file(format="text", services=("backup-gateway", "s3", "sns"))
    out = capsys.readouterr().out
    assert out.isascii()
    assert too_long(out) == []
    assert out.startswith("CRITICAL  ")
    assert out.index("VPC005") < out.index("What the VPC's resolver answers") < out.index("what sources reach")
    gateways = "  sg-0e57a7e0000000006\n    3           open     open     open     open     BLOCKED  BLOCKED\n"
    assert gateways in out
    assert "this host" not in out.lower()
    assert "nothing was measured" in " ".join(out.split())


def test_junit_has_a_case_for_each_source_and_port(capsys: pytest.CaptureFixture[str]) -> None:
    of_file(format="junit", services=("backup-gateway",))
    cases = junit_results.read(capsys.readouterr().out)
    of_paths = [case for case in cases if case.name.startswith("source-")]
    assert len(of_paths) == 12 * 6
    results = {case.name: case.result for case in of_paths}
    assert results["source-10 1031"] == "failure"
    assert results["source-10 443"] == "passed"
    assert results["source-10 2222"] == "skipped", "not counted"
    assert [case.result for case in cases if case.name == "verdict"] == ["failure"]


def test_junit_calls_what_cannot_be_told_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    of_file(format="junit", sources=("subnet-0e57a7e0000000099",), services=("backup",))
    cases = junit_results.read(capsys.readouterr().out)
    assert {case.result for case in cases if case.name.startswith("source-")} == {"error"}


def test_the_page_holds_all_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    of_file(format="json", services=("backup-gateway",))
    document = json.loads(capsys.readouterr().out)
    of_file(format="html", services=("backup-gateway",))
    page = capsys.readouterr().out
    elements = html_page.read(page)
    assert page.isascii()
    words = " ".join(element.text for element in elements)
    assert all(fault["detail"] in words for fault in document["faults"])
    (held,) = (element.text for element in elements if element.name == "script")
    assert json.loads(held) == document


def _pictures(capsys: pytest.CaptureFixture[str], **changes: Any) -> list[Any]:
    """The picture on a page, for a wide screen and for a narrow one."""
    of_file(format="html", **{"services": ("backup-gateway",), **changes})
    return svg_picture.in_page(capsys.readouterr().out)


def test_the_page_draws_what_decides(capsys: pytest.CaptureFixture[str]) -> None:
    wide, narrow = _pictures(capsys)
    assert svg_picture.description(wide) == svg_picture.description(narrow)
    boxes = svg_picture.boxes(wide)
    assert len(boxes) == len(svg_picture.boxes(narrow))
    first = next(place for place, box in enumerate(boxes) if "sources" in box)
    blocked = next(box for box in boxes[first:] if box[0] == "critical")
    assert "source's groups" in blocked or "endpoint's groups" in blocked or "endpoint's ACL out" in blocked
    assert any(text.startswith("BLOCKED") for text in blocked)
    heads = [line for line in svg_picture.lines(wide) if line.startswith("backup-gateway ")]
    assert heads[0].endswith(": BLOCKED")
    assert any(head.endswith(": open") for head in heads)
    assert "critical" not in {box[0] for box in boxes if box[1] == "sources"}


def test_an_open_path_is_drawn_without_a_colour_that_warns(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing blocks these sources on the port of AWS Backup."""
    wide, _ = _pictures(capsys, services=("backup",), sources=("subnet-0e57a7e0000000021",))
    kinds = {box[0] for box in svg_picture.boxes(wide)}
    assert kinds <= {"ok", "skipped"}


def test_what_a_document_says_is_drawn_as_it_stands(capsys: pytest.CaptureFixture[str]) -> None:
    of_file()
    document = read(capsys.readouterr().out)
    evil = "<script>&\x1b]0;x\x07\u202e"
    paths = tuple(replace(path, words=evil, decided_by=(evil,), rule=evil) for path in document.paths)
    page = html.render(content.document(replace(document, paths=paths)))
    pictures = svg_picture.in_page(page)
    assert len(pictures) == 2
    assert all(visible(evil) in " ".join(svg_picture.lines(drawn)) for drawn in pictures)


def test_of_many_kinds_of_paths_the_worst_are_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    of_file()
    document = read(capsys.readouterr().out)
    path = next(path for path in document.paths if path.outcome is Reachability.OPEN)
    many = tuple(replace(path, decided_by=(f"acl-{number}",)) for number in range(20))
    worst = replace(path, outcome=Reachability.BLOCKED, words="it is shut")
    page = html.render(content.document(replace(document, paths=(*many, worst))))
    lines = svg_picture.lines(svg_picture.in_page(page)[0])
    assert lines[0].endswith(": BLOCKED")
    assert any(line.startswith("and 9 more kinds of paths") for line in lines)


def test_without_a_path_nothing_is_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    of_file()
    document = read(capsys.readouterr().out)
    assert "<svg" not in html.render(content.document(replace(document, paths=())))


@pytest.mark.parametrize("wanted", ["text", "json", "junit", "html", "markdown"])
def test_a_masked_document_holds_nothing_of_the_network(wanted: str, capsys: pytest.CaptureFixture[str]) -> None:
    of_file(format=wanted, redact=True, services=("backup-gateway", "s3"), assumptions=(OPENS,), plans=(EXAMPLE_PLAN,))
    out = capsys.readouterr().out
    for secret in ("0e57a7e", "10.20.", "111122223333", "198.51.100"):
        assert secret not in out.replace("198.51.100.0", ""), secret
    assert "1031" in out


def test_a_masked_document_masks_the_names_that_sentences_quote(capsys: pytest.CaptureFixture[str]) -> None:
    of_file()
    document = read(capsys.readouterr().out)
    words = "the Resolver rule rslvr-rr-0e57a7e0000000001 sends corp.example and all names below it to 10.20.128.53"
    name = replace(document.names[0], quoted=("corp.example",), words=words)
    masked = redact_document(replace(document, names=(name,)))
    assert "corp.example" not in "".join(prediction.dumps(masked))
    assert masked.redacted
    assert redact_document(masked) == masked


def test_a_file_is_written_whole_or_the_document_is_on_stdout(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "p.json"
    assert of_file(output=str(place)) == 2
    assert capsys.readouterr().out == ""
    read(place.read_text("ascii"))
    assert of_file(output=str(tmp_path / "nowhere" / "p.json")) == 3
    read(capsys.readouterr().out)


# --- Facts -----------------------------------------------------------------------------------------------------------


def test_the_configuration_can_be_read_now(capsys: pytest.CaptureFixture[str]) -> None:
    assert of_vpc() == 0
    document = read(capsys.readouterr().out)
    assert (document.vpc_id, document.taken_at, document.not_read) == (VPC_ID, EPOCH, ())
    assert [source.instance_ids for source in document.sources] == [(INSTANCE_ID,)]


@pytest.mark.parametrize("denied", ["security-groups", "interfaces", "resolver-rules", "network-acls"])
def test_what_may_not_be_read_is_said_and_never_open(denied: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = of_vpc(f'[ec2]\ndenied = ["{denied}"]\n')
    document = read(capsys.readouterr().out)
    if denied == "network-acls":  # ACLs matter only if host and endpoint are in different subnets
        assert code in (0, 3)
    else:
        assert code == 3
        assert document.verdict.status == "unknown"
    assert any("not permitted; it takes" in line for line in document.not_read)


def test_nothing_that_can_be_read_is_an_error() -> None:
    with pytest.raises(RequestError, match="nothing could be read"):
        of_vpc('[ec2]\nanswer = "denied"\n')
    with pytest.raises(RequestError, match=f"there is no {VPC_ID[:-1]}1 in eu-west-1"):
        of_vpc(reads=replace(READS, vpc_id=f"{VPC_ID[:-1]}1"))


@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGINT", 130)])
def test_a_signal_ends_the_reads_with_a_valid_document(
    name: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert of_vpc('[ec2]\nanswer = "silence"\n', [name]) == code
    assert json.loads(capsys.readouterr().out)["verdict"]["status"] == "unknown"


def facts_without(*operations: str) -> Ec2Facts:
    facts = network.facts_of(scenarios.parse("healthy", f"{scenarios.text('healthy')}\n[ec2]\n"), EPOCH)
    kept = (seen for seen in facts.observations if seen.subject.operation not in operations)
    return replace(facts, observations=tuple(kept))


def test_a_file_without_interfaces_knows_no_host(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "facts.json"
    place.write_text(facts_file.dumps(facts_without(INTERFACES)), "ascii")
    assert of_file(str(place)) == 3
    document = read(capsys.readouterr().out)
    assert {source.interface_count for source in document.sources} == {0}
    assert document.not_read == ("the VPC's network interfaces: the file does not have them",)
    place.write_text(facts_file.dumps(facts_without(INTERFACES, SUBNETS)), "ascii")
    with pytest.raises(RequestError, match="--from: neither interfaces nor subnets of"):
        of_file(str(place))


def test_an_empty_file_predicts_nothing(tmp_path: Path) -> None:
    place = tmp_path / "facts.json"
    place.write_text(facts_file.dumps(replace(facts_without(), observations=())), "ascii")
    with pytest.raises(RequestError, match="neither interfaces nor subnets"):
        of_file(str(place))


@pytest.mark.parametrize("operation", [SECURITY_GROUPS, INTERFACES])
def test_wrong_types_everywhere_are_refused(operation: str, tmp_path: Path) -> None:
    """Each value of an answer in turn is replaced by one of another type."""
    document = json.loads(Path(ESTATE).read_text("ascii"))
    (read_of,) = (seen for seen in document["observations"] if seen["operation"] == operation)
    place = tmp_path / "facts.json"
    rows = next(iter(read_of["facts"].values()))
    for key, value in rows[0].items():
        rows[0][key] = {"no": "such"} if not isinstance(value, dict) else [1]
        place.write_text(json.dumps(document), "ascii")
        with pytest.raises(RequestError, match=r"is not a file of `backuplink facts`"):
            of_file(str(place))
        rows[0][key] = value


@settings(max_examples=extent.examples(120), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chance=st.randoms(use_true_random=False))
def test_spoilt_facts_are_predicted_or_refused_in_words(
    chance: Random, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "facts.json"
    place.write_text(json.dumps(spoilt_document(chance, json.loads(Path(ESTATE).read_text("ascii")))), "utf-8")
    wanted = chance.choice(PREDICTION.formats)
    capsys.readouterr()
    try:
        code = of_file(str(place), format=wanted, redact=chance.random() < 0.3, services=("backup-gateway", "s3"))
    except RequestError:
        return
    out = capsys.readouterr().out
    assert code in (0, 2, 3)
    assert out.isascii()
    if wanted == "json":
        read(out)


# --- What a run on a host of the VPC predicts ------------------------------------------------------------------------

WITH_FACTS: Final = tuple(
    name
    for name in scenarios.names()
    if (chosen := scenarios.load(name)).ec2 is not None and chosen.host.ec2 and chosen.ec2.answer == "answers"
)


def _predicted(name: str) -> PredictionDocument | None:
    """The prediction for a scenario's host, from the facts file that `facts` would have written in its VPC. It is None
    if there is nothing to predict.
    """
    from agent.network.names import KnownVpc
    from agent.predict.prediction import Asked, Facts, predicted
    from probes.vpc.model import configuration_of

    chosen = scenarios.load(name)
    facts = network.facts_of(chosen, EPOCH)
    answered = (seen for seen in facts.observations if isinstance(seen.outcome, Ok))
    held = {str(seen.subject.operation): seen.facts for seen in answered if seen.facts is not None}
    known = KnownVpc(
        vpc_id=facts.vpc_id, region=facts.region, configuration=configuration_of(held), dropped=frozenset()
    )
    targets = dict.fromkeys((target.service for target in report_of(name).targets), True)
    asked = Asked(sources=(chosen.metadata.instance_id,), services=targets, ports=())
    return predicted(Facts(known=known, taken_at=EPOCH, not_read=()), asked)


def test_a_run_and_a_prediction_of_the_same_host_agree() -> None:
    """If a run has read everything that the facts file contains, the run and the prediction agree on each address and
    port of the VPC's endpoints.
    """
    compared = 0
    for name in one_in(4, WITH_FACTS):
        report = report_of(name)
        reads = [seen for seen in report.observations if seen.subject.step is Step.EC2]
        is_whole = all(seen.ok for seen in reads) and len(reads) > 10
        if not is_whole or not report.paths or evidence_of(name).local_ports != EPHEMERAL:
            continue
        document = _predicted(name)
        assert document is not None
        by_place = {
            (path.endpoint_id, address, path.port): path
            for path in document.paths
            for address in path.addresses
            if len(document.sources) == 1
        }
        own = {address for source in document.sources for address in source.addresses}
        for path in report.paths:
            other = by_place.get((path.endpoint_id, path.address, path.port))
            if other is None or path.source not in own:
                continue
            compared += 1
            deciding = next((hop for hop in path.hops if hop.outcome is path.predicted), None)
            is_led_past = deciding is not None and is_detour(deciding)
            if is_led_past or (path.predicted is Reachability.OPEN and path.unseen):
                assert other.outcome is Reachability.CANNOT_TELL
                continue
            assert other.outcome is path.predicted, (name, path.address, path.port)
            if path.predicted is not Reachability.OPEN and deciding is not None:
                assert (other.decided_at, other.rule) == (deciding.stage, deciding.rule)
    assert compared >= 20


# --- The real command against a real server --------------------------------------------------------------------------

moto, moto_url, told = moto_server.moto, moto_server.moto_url, moto_server.told


def test_the_command_reads_and_predicts(
    told: moto_server.Told, moto: boto3.session.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The facts come from moto's EC2. A scripted server answers the reads that moto lacks."""
    for service in ("ROUTE53RESOLVER", "ROUTE53PROFILES"):
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", f"http://127.0.0.1:{told.port}")
    client = moto.client("ec2")
    vpc_id = client.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    client.modify_vpc_attribute(VpcId=vpc_id, EnableDnsHostnames={"Value": True})
    subnet_id = client.create_subnet(VpcId=vpc_id, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    groups = [
        client.create_security_group(VpcId=vpc_id, GroupName=name, Description="x")["GroupId"]
        for name in ("host", "endpoint")
    ]
    client.run_instances(
        ImageId="ami-12345678", MinCount=1, MaxCount=1, SubnetId=subnet_id, SecurityGroupIds=groups[:1]
    )
    endpoint = client.create_vpc_endpoint(
        VpcId=vpc_id,
        VpcEndpointType="Interface",
        ServiceName=f"com.amazonaws.{moto_server.REGION}.backup",
        SubnetIds=[subnet_id],
        SecurityGroupIds=groups[1:],
        PrivateDnsEnabled=True,
    )["VpcEndpoint"]
    interfaces = client.describe_network_interfaces(NetworkInterfaceIds=endpoint["NetworkInterfaceIds"])
    (there,) = {group["GroupId"] for one in interfaces["NetworkInterfaces"] for group in one["Groups"]}
    names = {"access_key_id": "AWS_ACCESS_KEY_ID", "secret_key": "AWS_SECRET_ACCESS_KEY", "token": "AWS_SESSION_TOKEN"}
    result = subprocess.run(
        [sys.executable, "-m", "agent", "predict", "--region", moto_server.REGION, "--vpc", vpc_id, "--format", "json"],
        cwd=ROOT,
        env={**os.environ, **{names[name]: value for name, value in moto_server.KEYS.items()}},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    document = read(result.stdout)
    assert (document.vpc_id, document.interface_count) == (vpc_id, 1)
    blocked = [path for path in document.paths if path.outcome is Reachability.BLOCKED]
    assert {path.decided_by for path in blocked} == {(there,)}, "the endpoint's group does not admit the host's"
    assert result.returncode == 2
