"""Facts files: written and read back, compared with the clock, and refused if their content is wrong. `bad_inputs` has
wrong facts files, by name.
"""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.app.read_saved import read_facts
from agent.report import facts_file
from agent.report.facts_file import MAX_AGE, MAX_AHEAD, FactsFileError, untimely
from agent.settings import Ec2Facts
from probes.vpc.model import ENDPOINT_INTERFACES, READS
from tests.hostile.fuzz.facts import document as facts_document
from tests.hostile.fuzz.mutation import by_hypothesis
from tests.support import extent
from tests.support.build import NOW
from tests.support.configured import VPC_ID
from tests.support.sample_facts import facts

SECOND: Final = timedelta(seconds=1)


def kept(content: str | bytes, folder: Path) -> str:
    path = folder / "facts.json"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)


# --- Written and read back -------------------------------------------------------------------------------------------


def test_every_read_comes_back_as_it_was(tmp_path: Path) -> None:
    written = facts(taken_at=NOW)
    assert {observation.subject.operation for observation in written.observations} == set(READS)
    assert read_facts(kept(facts_file.dumps(written), tmp_path)) == written


@pytest.mark.parametrize("key", ["instance_id", "owner_id", "kind"])
def test_facts_that_lack_a_key_are_refused_with_its_place(key: str, tmp_path: Path) -> None:
    document = json.loads(facts_file.dumps(facts(taken_at=NOW)))
    place = [observation["operation"] for observation in document["observations"]].index(ENDPOINT_INTERFACES)
    del document["observations"][place]["facts"]["interfaces"][0][key]
    with pytest.raises(FactsFileError) as refused:
        read_facts(kept(json.dumps(document), tmp_path))
    words = f"observations[{place}].facts.interfaces[0].{key}: this key is missing"
    assert str(refused.value).endswith(words)


def test_the_same_facts_are_the_same_bytes(tmp_path: Path) -> None:
    text = facts_file.dumps(facts(taken_at=NOW))
    assert text.isascii()
    assert facts_file.dumps(read_facts(kept(text, tmp_path))) == text


def test_the_file_says_what_it_is() -> None:
    document = json.loads(facts_file.dumps(facts(taken_at=NOW)))
    assert list(document) == ["schema", "tool", "taken_at", "example", "region", "vpc_id", "observations"]
    assert document["schema"] == "backuplink.ec2-facts.v1"
    assert (document["taken_at"], document["vpc_id"]) == ("2026-03-01T12:00:00.000Z", VPC_ID)


def test_the_file_of_an_account_is_not_that_of_a_vpc(tmp_path: Path) -> None:
    with pytest.raises(FactsFileError, match="has the VPCs of an account, and the facts of one VPC are needed: `back"):
        read_facts(kept(facts_file.dumps_all([facts(), facts()]), tmp_path))


def test_no_reads_at_all_are_facts_that_say_nothing(tmp_path: Path) -> None:
    written = Ec2Facts(region="eu-west-1", vpc_id="vpc-0a1b2c3d4e5f67890", taken_at=NOW, observations=())
    assert read_facts(kept(facts_file.dumps(written), tmp_path)) == written


# --- Age -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("age", "words"),
    [
        pytest.param(timedelta(0), None, id="now"),
        pytest.param(MAX_AGE, None, id="just not too old"),
        pytest.param(MAX_AGE + SECOND, "it was taken 30 days ago, at 2026-01-30 11:59 UTC; after 30 days a ", id="old"),
        pytest.param(-MAX_AHEAD, None, id="just not too far ahead"),
        pytest.param(
            -MAX_AHEAD - SECOND,
            "it was taken at 2026-03-02 12:00 UTC, which is in the future by this host's clock",
            id="of the future",
        ),
    ],
)
def test_facts_are_of_use_for_a_time(age: timedelta, words: str | None, tmp_path: Path) -> None:
    read = read_facts(kept(facts_file.dumps(facts(taken_at=NOW - age)), tmp_path))
    assert read.taken_at == NOW - age
    why = untimely(read, NOW)
    assert why is words or (words is not None and why is not None and why.startswith(words))
    example = read_facts(kept(facts_file.dumps(replace(read, is_example=True)), tmp_path))
    assert (example.is_example, untimely(example, NOW)) == (True, None), "a VPC that is made up does not age"


# --- Arbitrary content -----------------------------------------------------------------------------------------------


def _read(content: bytes, folder: Path) -> Ec2Facts | str:
    path = kept(content, folder)
    try:
        return read_facts(path)
    except FactsFileError as error:
        message = str(error)
        assert message.startswith(f"{path}: ")
        return message


@settings(max_examples=extent.examples(300), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=200) | st.text(max_size=100).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_refused_in_words(content: bytes, tmp_path: Path) -> None:
    assert isinstance(_read(content, tmp_path), str)


@settings(max_examples=extent.examples(300), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(document=by_hypothesis(facts_document))
def test_spoilt_facts_are_facts_or_refused_in_words(document: dict[str, Any], tmp_path: Path) -> None:
    result = _read(json.dumps(document).encode(), tmp_path)
    if isinstance(result, Ec2Facts):  # if these are facts, they can also be written again
        assert _read(facts_file.dumps(result).encode(), tmp_path) == result


@pytest.mark.parametrize("part", range(1, 20))
def test_a_file_that_is_cut_off_is_refused(part: int, tmp_path: Path) -> None:
    text = facts_file.dumps(facts(taken_at=NOW))
    result = _read(text[: len(text) * part // 20].encode(), tmp_path)
    assert isinstance(result, str)
    assert ": is not JSON: " in result
