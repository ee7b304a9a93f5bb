"""Every word, id, number and command that the writers before the blocks wrote is in what the blocks write."""

import re
from html.parser import HTMLParser
from typing import Final

import pytest

from agent.app.read_saved import read_all_facts
from agent.audit import content as audit_content
from agent.audit import html as audit_html
from agent.audit import text as audit_text
from agent.audit.audit import audit
from agent.audit.request import AuditRequest
from agent.documents.render import render
from agent.network.edits import AssumptionError
from agent.predict import content as predict_content
from agent.predict import html as predict_html
from agent.predict import text as predict_text
from agent.predict.prediction import Asked, facts_of, predicted
from agent.run.collect_facts import lacking
from agent.settings import Ec2Facts, Workload
from agent.simulated import network
from agent.simulated.settings import EPOCH
from tests.support import scenarios
from tests.support.repository import ROOT

WITH_FACTS: Final = tuple(name for name in scenarios.names() if scenarios.load(name).ec2 is not None)
_GONE: Final = frozenset(
    # How to take a command back is before it, and the title of a part that is folded is another.
    "back both take it command commands which were read parts none 4 5 7 8 9 "
    # The endpoints of an audit are a table.
    "interface-hours route table 2 3 "
    # Heads of tables, and the sentences around lists.
    "judged so what What Assumed all That follows be here With that this is how would "
    "for like more these has them of open opens each class one Names".split()
)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.words = ""
        self.skip = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.skip += tag in ("script", "style", "svg")

    def handle_endtag(self, tag: str) -> None:
        self.skip -= tag in ("script", "style", "svg")
        self.words += " "

    def handle_data(self, data: str) -> None:
        self.words += "" if self.skip else data


def words(text: str) -> set[str]:
    if text.startswith("<!DOCTYPE"):
        reader = _Reader()
        reader.feed(text)
        text = reader.words
    text = re.sub(r"\\\n *", "", text)
    return {word.strip("(),.:;[]*'\"") for word in re.split(r"[\s\\]+", text)} - _GONE


def compared(old: str, new: str) -> None:
    assert words(old) - words(new) == set()


def _facts(name: str) -> list[Ec2Facts]:
    if name.endswith(".json"):
        return list(read_all_facts(str(ROOT / name)))
    chosen = scenarios.parse(name, scenarios.text(name))
    return [network.facts_of(chosen, EPOCH)]


@pytest.mark.parametrize("name", [*WITH_FACTS, "docs/examples/account.json", "docs/examples/estate.json"])
def test_audits(name: str) -> None:
    facts = [facts_of(one, lacking(one)) for one in _facts(name)]
    for workloads in ((), (Workload.CALLER, Workload.GATEWAY)):
        document = audit(facts, AuditRequest(workloads=workloads, services=()))
        tree = audit_content.document(document)
        compared(audit_text.render(document), render(tree, "text"))
        compared(audit_html.render(document), render(tree, "html"))


@pytest.mark.parametrize("name", [*WITH_FACTS, "docs/examples/estate.json"])
def test_predictions(name: str) -> None:
    (facts,) = _facts(name)
    services = {"backup": True, "backup-gateway": True, "s3": False}
    asked = Asked(sources=("all",), services=services, ports=())
    changes = (f"{facts.vpc_id}:dns-support=off", f"{facts.vpc_id}:dns-hostnames=on")
    for assumed in ((), changes):
        try:
            document = predicted(facts_of(facts, lacking(facts)), asked, assumed)
        except AssumptionError:
            continue
        tree = predict_content.document(document)
        compared(predict_text.render(document), render(tree, "text"))
        compared(predict_html.render(document), render(tree, "html"))
