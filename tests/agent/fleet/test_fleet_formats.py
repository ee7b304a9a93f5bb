"""The fleet document is written in every format and read back. Hostile text stays text, and masks leave no ids."""

import csv
import io
import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import jsonschema_rs
import pytest

from agent.app.publish import FLEET, rendered
from agent.catalog.findings import CODES
from agent.documents.render import render
from agent.fleet import metrics, model, phrases, table
from agent.fleet.connection import connect
from agent.fleet.content import document as tree
from agent.fleet.model import MAX_EXAMPLES, FleetDocument, refusal
from agent.fleet.redact import FleetRedactor
from agent.fleet.render import JoinedFleet
from agent.fleet.store import Read, escaped
from agent.report.escape import visible
from agent.report.host_record import record_of
from agent.report.redact import treatments
from agent.report.serialization import to_json
from tests.formats import html_page
from tests.formats.monitors import families_in, samples_in
from tests.support import fleets
from tests.support.aws_commands import complaint
from tests.support.extent import one_in
from tests.support.runs import report_of, too_long
from tests.support.untrusted import HOSTILE

VALIDATOR: Final = jsonschema_rs.Draft202012Validator(model.schema())
MARKUP: Final = (
    *HOSTILE,
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "\u2029",
    "vpc|acl < x",
    "=cmd|' /C'!A0",
)
HOST: Final = fleets.HOSTS[0]
COMMAND: Final = "0a1b2c3d-0000-4000-8000-00000000000a"
READ: Final = "read what one of the hosts found"
AGAIN: Final = "check one of the hosts again"
ON_THE_HOST: Final = f"{AGAIN}, on the host itself"
IDENTIFYING: Final = re.compile(
    r"\b(?:i|vpc|sg|subnet|vpce|acl|ami)-[0-9a-f]{8,17}\b|\b10\.\d+\.\d+\.\d+|\b\d{12}\b|corp\.example|/srv/|/reports/"
    rf"|{fleets.ROLE}"
)


def document() -> FleetDocument:
    return fleets.document()


# --- JSON ------------------------------------------------------------------------------------------------------------


def test_json_is_read_back_and_fits_its_schema() -> None:
    written = json.loads(model.dumps(document()))
    assert model.decode(written) == document()
    assert [error.message for error in VALIDATOR.iter_errors(written)] == []
    assert written["schema"] == "backuplink.fleet.v1"


@pytest.mark.parametrize("spoilt", [{"totals": None}, {"causes": [{}]}, {"verdict": {"status": "fine", "summary": ""}}])
def test_what_is_no_document_does_not_fit(spoilt: dict[str, Any]) -> None:
    assert not VALIDATOR.is_valid({**to_json(document()), **spoilt})


# --- Text ------------------------------------------------------------------------------------------------------------


def test_text_says_what_is_wrong_whom_it_hits_since_when_and_what_to_do() -> None:
    shown = render(tree(document()), "text")
    assert too_long(shown) == []
    lines = shown.splitlines()
    assert lines[0].startswith("CRITICAL  3 causes on 1,000 of 4,944 hosts")
    assert lines[1] == "          4,944 hosts: 3,941 ok, 2 warning, 1,000 critical, 1 unknown; 60 not"
    words = " ".join(shown.split())
    for said in (
        f"1. CRITICAL on 508 of 508 hosts: {fleets.GROUP} does not admit these hosts on 1026 and 1027 [VPC005]",
        f"security group {fleets.GROUP}, ports 1026 and 1027 (backup-gateway)",
        "Affected: all 508 hosts that could have it.",
        "190 of them saw only the symptom. 3 more hosts have it besides a worse cause.",
        f"VPC zone have it could {fleets.VPC} euw1-az1 170 170",
        "Since 2026-01-13 03:00 UTC, 2 d 0 h before this sweep.",
        "What to do: Let the hosts in, in the endpoint's security group. [changes] To undo: aws ec2 revoke-",
        f"Hosts: {', '.join(fleets.HOSTS[:3])} and 505 more",
        f"To know more: {READ} [reads] backuplink diagnose \\ /srv/reports/{fleets.SWEEPS[-1].id}/{fleets.HOSTS[0]}",
        "See: backuplink explain VPC005",
        "Affected: 100% of the hosts with the fault share zone euw1-az3; 98 of 100 hosts with it have the fault, but "
        "hardly any other host does.",
        "Since 2026-01-15 03:00 UTC, new in this sweep.",
        "The start is not known.",
        "3 hosts with a fault of their own TCP005 (critical) 2 hosts: ",
        "The fault lies on this host: the 41 others of its subnet are well.",
        "60 hosts of inventory.json not heard from.",
        "100% of them share subnet subnet-0c1b2c3d4e5f67890; 31 of 31 hosts with it are silent.",
        "Changes since 2026-01-14 03:00 UTC new on 98 hosts: 443 is silent",
        "healed, 240 hosts before: private DNS of vpce-0d1b2c3d4e5f67890 is off",
        "Suppressed ENV010 on 4 hosts until 2026-12-31 (Platform): db-17.corp.example gets its clock in December",
        "/reports/torn/stdout ends in the middle of a document",
    ):
        assert said in words


@pytest.mark.parametrize("wanted", ["text", "markdown", "html"])
def test_each_cause_says_whose_its_hosts_are(wanted: str) -> None:
    shown = " ".join(
        re.sub(r"<[^>]+>", " ", render(tree(document()), wanted)).replace("\\", "").replace("|", " ").split()
    )
    assert f"basis@corp.example 500 {', '.join(fleets.HOSTS[:3])} and 497 more" in shown
    assert f"not known 11 {fleets.NAMED_HOST} and 10 more" in shown


def test_nothing_that_is_left_out_is_uncounted() -> None:
    many = replace(document(), causes=document().causes * 10, own_faults=document().own_faults * 20)
    assert "And 18 more causes: --format json has all." in render(tree(many), "text")
    assert "And 20 more codes: --format json has all." in render(tree(many), "text")
    assert "And 10 more causes" in render(tree(many), "markdown").replace("\\", "")


@pytest.mark.parametrize(
    ("part", "words"), [(0.0, "0%"), (0.001, "under 1%"), (0.999, "99%"), (1.0, "100%"), (0.5, "50%")]
)
def test_only_all_is_all_and_only_none_is_none(part: float, words: str) -> None:
    assert phrases.percent(part) == words


@pytest.mark.parametrize(
    ("host", "place", "is_report", "words", "argv"),
    [
        pytest.param(HOST, "/a/one.json", True, READ, ("backuplink", "diagnose", "/a/one.json"), id="report"),
        pytest.param(HOST, "s3://b/one.json", True, READ, ("aws", "s3", "cp", "s3://b/one.json", "-"), id="S3"),
        pytest.param(
            HOST,
            f"{COMMAND}/{HOST}",
            False,
            READ,
            (
                *("aws", "ssm", "get-command-invocation", "--region", "eu-west-1", "--command-id", COMMAND),
                *("--instance-id", HOST, "--plugin-name", "check", "--query", "StandardOutputContent"),
                *("--output", "text"),
            ),
            id="Run Command",
        ),
        pytest.param(
            HOST,
            "records.ndjson:7",
            False,
            AGAIN,
            (
                *("aws", "ssm", "send-command", "--region", "eu-west-1", "--document-name", "backuplink-check"),
                *("--targets", f"Key=InstanceIds,Values={HOST}"),
            ),
            id="record",
        ),
        pytest.param("db-17", "records.ndjson", False, ON_THE_HOST, ("backuplink", "check"), id="no instance"),
        pytest.param("i-1;reboot", "x.json", False, ON_THE_HOST, ("backuplink", "check"), id="forged"),
    ],
)
def test_what_shows_more_of_a_host(host: str, place: str, is_report: bool, words: str, argv: tuple[str, ...]) -> None:
    file = model.HostFile(host=host, place=place, is_report=is_report, region="eu-west-1")
    cause = replace(document().causes[0], hosts=("i-0", host))
    shown = replace(document(), causes=(cause,), files=(file,))
    said = phrases.reading(cause.hosts, shown)
    assert said is not None
    assert (said[0], said[1]) == (words, argv)
    for wanted in ("text", "markdown", "html"):
        assert words in " ".join(render(tree(shown), wanted).split())
    assert phrases.reading([host], replace(shown, redacted=True)) is None
    assert phrases.reading(["i-0"], shown) is None
    if argv[0] == "aws":
        assert complaint(list(argv)) is None


def test_a_report_is_shown_before_a_host_is_checked_again() -> None:
    record = model.HostFile(host="i-0", place="x.ndjson", is_report=False, region="eu-west-1")
    report = model.HostFile(host="i-1", place="/a/one.json", is_report=True, region="eu-west-1")
    said = phrases.reading(["i-0", "i-1"], replace(document(), files=(record, report)))
    assert said is not None
    assert said[1] == ("backuplink", "diagnose", "/a/one.json")


def test_a_region_that_is_none_is_in_no_command() -> None:
    file = model.HostFile(host=HOST, place="x.ndjson", is_report=False, region="; reboot")
    said = phrases.reading([HOST], replace(document(), files=(file,)))
    assert said is not None
    assert said[1][:4] == ("aws", "ssm", "send-command", "--document-name")


# --- HTML ------------------------------------------------------------------------------------------------------------


def test_the_page_has_totals_a_card_a_cause_the_map_and_the_document() -> None:
    elements = html_page.read(render(tree(document()), "html"))
    assert html_page.data(elements) == to_json(document())
    cards = [row for row in elements if row.name == "section" and "card" in (row.attributes.get("class") or "")]
    assert [row.attributes["class"] for row in cards] == ["card critical", "card critical", "card warning"]
    assert html_page.texts(elements, "h2") == [
        "Where: VPC by zone",
        "Since when",
        f"1. CRITICAL on 508 of 508 hosts: {fleets.GROUP} does not admit these hosts on 1026 and 1027 (VPC005)",
        "2. CRITICAL on 98 of 310 hosts: 443 is silent at 2 addresses: 10.7.1.17 and 10.7.2.17 (TCP001)",
        f"3. WARNING on 394 of 400 hosts: an identity-based policy denies the call ({fleets.ROLE}) (IAM003)",
        "3 hosts with a fault of their own",
        "Not heard from",
        "Changes since 2026-01-14 03:00 UTC",
        "Suppressed",
        "Not used",
        "Notes",
    ]
    titles = {row.text for row in elements if row.name == "title" and "svg" in row.inside}
    assert titles == {
        "Hosts by verdict",
        "Hosts with a shared cause by VPC and zone",
        "Since when",
        *(f"Hosts with {code} by VPC and zone" for code in ("VPC005", "TCP001", "IAM003")),
    }


def test_the_page_leads_from_maps_and_changes_to_the_causes() -> None:
    elements = html_page.read(render(tree(document()), "html"))
    ways = [("1. VPC005", "cause-1"), ("2. TCP001", "cause-2"), ("3. IAM003", "cause-3")]
    found = html_page.ways(elements)
    assert found == [*ways, *ways], "from the map, and from the sweeps"
    fleet = document()
    grown = replace(fleet.changes[0], key=fleet.causes[1].key)
    changed = html_page.read(render(tree(replace(fleet, changes=(grown,))), "html"))
    assert html_page.ways(changed) == [*found, ways[1]], "from a change to its cause"
    assert "To the causes" not in render(tree(document()), "text") + render(tree(document()), "markdown")


def test_pictures_say_in_words_what_they_show() -> None:
    said = " ".join(row.text for row in html_page.read(render(tree(document()), "html")) if row.name == "desc")
    assert "1,000 critical. 1 unknown. 2 warning. 3,941 ok. 60 not heard from." in said
    assert f"{fleets.OTHER_VPC} euw1-az3: 98 of 105." in said
    assert "2026-01-11 03:00: 300 of 4,940." in said
    assert "1. VPC005 508 hosts: Since 2026-01-13 03:00 UTC" in said


# --- Markdown ---------------------------------------------------------------------------------------------------------


def test_markdown_has_what_a_ticket_needs() -> None:
    shown = render(tree(document()), "markdown")
    assert shown.startswith("# CRITICAL: 3 causes on 1,000 of 4,944 hosts")
    assert f"| {fleets.VPC} | euw1-az1 | 170 | 170 |" in shown
    assert "aws ec2 authorize-security-group-ingress --region eu-west-1" in shown
    assert "## Changes since 2026-01-14 03:00 UTC" in shown


# --- Prometheus ------------------------------------------------------------------------------------------------------


def test_metrics_count_hosts_by_verdict_and_by_cause() -> None:
    shown = metrics.render(document())
    samples = {
        (name, tuple(value for _, value in sorted(labels))): value
        for (name, labels), value in samples_in(shown).items()
    }
    assert samples["backuplink_fleet_hosts", ("critical",)] == 1_000
    assert samples["backuplink_fleet_cause_hosts", ("VPC005", "critical", f"group={fleets.GROUP}|port=1027")] == 508
    assert (
        samples["backuplink_fleet_cause_exposed_hosts", ("VPC005", "critical", f"group={fleets.GROUP}|port=1027")]
        == 508
    )
    assert samples["backuplink_fleet_hosts_not_heard_from", ()] == 60
    assert samples["backuplink_fleet_own_fault_hosts", ("TCP005",)] == 2
    assert samples["backuplink_fleet_verdict", ("critical",)] == 1
    assert samples["backuplink_fleet_verdict", ("ok",)] == 0
    since = {labels for name, labels in samples if name == "backuplink_fleet_cause_since_timestamp_seconds"}
    assert {code for code, _, _ in since} == {"VPC005", "TCP001"}
    assert [family.name for family in families_in(shown)] == [family.name for family in metrics.FAMILIES]


@pytest.mark.parametrize("hostile", one_in(8, MARKUP))
def test_a_label_holds_what_was_said_and_nothing_comes_of_it(hostile: str) -> None:
    causes = tuple(replace(cause, key=f"{cause.code}|{hostile}") for cause in document().causes)
    shown = metrics.render(replace(document(), causes=causes))
    labels = {dict(labels).get("subject") for name, labels in samples_in(shown) if name.endswith("cause_hosts")}
    assert labels == {visible(hostile)}


def test_a_refusal_has_its_verdict_and_no_hosts() -> None:
    shown = metrics.render(refusal("nothing to read"))
    assert 'backuplink_fleet_verdict{status="unknown"} 1.0' in shown
    assert "backuplink_fleet_hosts{" not in shown


# --- CSV and Parquet -------------------------------------------------------------------------------------------------


def rows_of(written: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(written)))


def test_csv_has_a_row_a_host_and_cause_and_one_for_each_that_is_well() -> None:
    with fleets.tables() as (engine, told):
        rows = rows_of("".join(table.as_csv(table.rows(engine, told))))
        causes = engine.query("SELECT r.host, c.cause_key, c.severity FROM cause c JOIN record r ON r.id = c.record")
    assert tuple(rows[0]) == table.COLUMNS
    assert {(row["host"], row["cause_key"], row["severity"]) for row in rows if row["cause_key"]} == set(causes)
    well = [row for row in rows if not row["cause_key"]]
    assert {row["host"] for row in well} == {fleets.HOSTS[0], fleets.HOSTS[4]}
    assert {(row["status"], row["code"], row["counted"]) for row in well} == {("ok", "", "")}
    first = {row["host"]: row for row in rows if row["counted"] == "true"}
    assert first[fleets.HOSTS[3]]["name"] == CODES["TCP002"].name
    assert first[fleets.HOSTS[3]]["shared"] == "false"
    assert {row["sweep"] for row in rows} == {fleets.SWEEPS[-1].id}


def test_a_row_knows_the_cause_that_hosts_share() -> None:
    with fleets.tables() as (engine, told):
        engine.execute("UPDATE assignment SET cause_key = ?, by_symptom = 1 WHERE record = 3", (fleets.KEY,))
        (row,) = (row for row in table.rows(engine, told) if row["cause_key"] == fleets.KEY)
    assert (row["code"], row["shared"], row["by_symptom"], row["severity"]) == ("VPC005", True, True, "critical")


@pytest.mark.parametrize("hostile", one_in(4, [text for text in MARKUP if escaped(text) == text]))  # others are refused
def test_no_cell_is_computed_or_breaks_its_row(hostile: str) -> None:
    with fleets.tables(hosts=(hostile, *fleets.HOSTS[:3])) as (engine, told):
        written = "".join(table.as_csv(table.rows(engine, told)))
        count = len(list(table.rows(engine, told)))
    rows = rows_of(written)
    assert len(rows) == len(written.splitlines()) - 1 == count
    assert visible(hostile) in {row["host"].removeprefix("'") for row in rows}
    assert not any(cell.lstrip().startswith(("=", "+", "-", "@")) for row in rows for cell in row.values())


def test_parquet_holds_the_same_rows(tmp_path: Path) -> None:
    with fleets.tables(hosts=("a,'\"\n\\b", *fleets.HOSTS)) as (engine, told):
        rows = list(table.rows(engine, told))
        place = tmp_path / "fleet.parquet"
        place.write_bytes(table.as_parquet(engine, iter(rows), told))
    with connect(tmp_path) as connection:
        read = connection.execute("SELECT * FROM read_parquet(?)", [str(place)]).fetchall()
        kinds = dict(connection.execute("SELECT name, type FROM parquet_schema(?)", [str(place)]).fetchall())
    assert [dict(zip(table.COLUMNS, row, strict=True)) for row in read] == [
        {name: visible(value) if isinstance(value, str) else value for name, value in row.items()} for row in rows
    ]
    assert tuple(kinds)[1:] == table.COLUMNS  # the first name is that of the schema itself
    assert {name for name, kind in kinds.items() if kind == "BOOLEAN"} == table.FLAGS
    assert {name for name, kind in kinds.items() if kind == "INT64"} == table.NUMBERS


def test_a_host_that_was_not_heard_from_has_a_row() -> None:
    """The row has the host's last known place."""
    with fleets.tables() as (engine, told):
        engine.execute("INSERT INTO missing VALUES ('1/i-new', 'i-new'), ('1/i-old', 'i-old')")
        for minute, place in ((2, "new"), (1, "older")):
            record = replace(record_of(report_of("healthy")), host="i-old", taken_at=f"2026-01-1{minute}T00:00:00.000Z")
            engine.insert([Read(sweep=f"sweep-{minute}", place=place, record=record)])
            (id_,) = engine.query("SELECT max(id) FROM record")[0]
            engine.execute("INSERT INTO placed VALUES (?, 'sweep', '1', 'i-old', '1/i-old', ?, 0)", (id_, minute))
        rows = [row for row in table.rows(engine, told) if row["status"] == table.NOT_HEARD_FROM]
        masked = list(map(FleetRedactor(told).row, rows))
        assert list(table.rows(engine, replace(told, not_heard_from=None)))[-1]["status"] != table.NOT_HEARD_FROM
        assert len(rows_of("".join(table.as_csv(rows)))) == 2
    new, old = rows
    assert [name for name, value in new.items() if value is not None] == ["sweep", "host", "status"]
    assert (old["host"], old["sweep"]) == ("i-old", fleets.SWEEPS[-1].id)
    assert (old["place"], old["taken_at"], old["vpc"]) == ("new", "2026-01-12T00:00:00.000Z", record.vpc)
    assert (old["path"], old["code"], old["counted"]) == (None, None, None)
    assert "i-old" not in {row["host"] for row in masked}


# --- Masks -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in FLEET.formats if name not in ("csv", "parquet")])
def test_a_masked_document_has_no_id_in_any_format(name: str) -> None:
    assert IDENTIFYING.search(rendered(FLEET, JoinedFleet(document=document()), name))
    masked = FleetRedactor(document()).document()
    assert IDENTIFYING.findall(rendered(FLEET, JoinedFleet(document=masked), name)) == []
    assert masked.redacted


def test_masked_rows_have_no_id_and_the_masks_of_the_document() -> None:
    with fleets.tables(hosts=(*fleets.HOSTS, fleets.NAMED_HOST)) as (engine, told):
        redactor = FleetRedactor(told)
        masked = redactor.document()
        rows = list(map(redactor.row, table.rows(engine, told)))
    assert IDENTIFYING.findall("".join(table.as_csv(rows))) == []
    hosts = {row["host"] for row in rows}
    assert len(hosts) == len(fleets.HOSTS) + 1
    assert set(masked.causes[0].hosts) <= hosts
    assert masked.causes[1].hosts[1] in hosts


def test_a_masked_key_tells_causes_apart_as_before() -> None:
    masked = FleetRedactor(document()).document()
    assert [cause.key for cause in masked.causes] == [
        "VPC005|group=sg-1|port=1027",
        "TCP001|vpc=vpc-2|address=192.0.2.1|address=192.0.2.2",
        "IAM003|account=account-1|role=role-1",
    ]
    assert masked.causes[0].subjects[0].id == "sg-1"
    assert masked.causes[2].note == "All of them call with role-1."


def test_every_text_of_the_document_says_what_becomes_of_it() -> None:
    seen: set[Any] = {type(value) for value in _objects(document())}
    for kind in seen:
        treatments(kind)  # raises TypeError if a text has no treatment
    assert len(seen) > 15


def _objects(value: Any) -> list[Any]:
    if isinstance(value, tuple):
        return [found for part in value for found in _objects(part)]
    if hasattr(value, "__dataclass_fields__"):
        return [value, *(found for name in value.__dataclass_fields__ for found in _objects(getattr(value, name)))]
    return []


# --- Equal text, bounds and imports -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in FLEET.formats if name not in ("csv", "parquet")])
def test_the_same_document_is_the_same_text(name: str) -> None:
    first, second = (rendered(FLEET, JoinedFleet(document=document()), name) for _ in range(2))
    assert first == second


def test_examples_are_bounded() -> None:
    assert all(len(cause.hosts) <= MAX_EXAMPLES for cause in document().causes)


def test_options_load_nothing_of_a_fleet_but_names() -> None:
    code = "import sys, agent.cli.options; print(*(name for name in sys.modules if name.startswith('agent.fleet')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["agent.fleet", "agent.fleet.attributes"]
