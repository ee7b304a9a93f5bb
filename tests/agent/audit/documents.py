"""Audits of small accounts as text. `./dev golden` writes them to `documents.txt`. Read the diff before you commit
it.
"""

from dataclasses import replace
from pathlib import Path
from typing import Final

from agent.app.publish import AUDIT, rendered
from agent.audit.changes import changes_since
from agent.audit.model import AuditDocument
from agent.settings import Suppression, Workload
from tests.agent.audit import test_accounts, test_changes, test_overview, test_review
from tests.agent.audit.test_overview import SHUT, SOUND, WARNED
from tests.agent.audit.test_review import ASKED, DEFAULT, DENY, OUT, REVIEW, acl, endpoints, first, group
from tests.support.sections import joined

FILE: Final = Path(__file__).with_name("documents.txt")
_ONE_SERVICE: Final = replace(ASKED, workloads=(Workload.CALLER,), services=("backup",))


def _changed() -> AuditDocument:
    """An audit of three VPCs, compared with an earlier one. One fault is new, one is gone, and one is worse."""
    before = test_changes.audited(first(policy=DEFAULT)(WARNED), acl(DENY)(SHUT), SOUND, asked=_ONE_SERVICE)
    now = test_changes.audited(
        group(OUT, only=True)(first(policy=DEFAULT)(WARNED)), SHUT, SOUND, asked=_ONE_SERVICE, later=True
    )
    return replace(now, changes=changes_since(before, now))


def sections() -> dict[str, str]:
    """The text of each audit, by the name of the case."""
    overview = test_overview.audited
    known = Suppression(code="VPC006", target=None)
    documents = {
        "a central endpoint whose way is open": test_accounts.audited(
            *test_accounts.peered(), asked=test_accounts.CALLER
        ),
        "a central endpoint behind a peering that nobody accepted": test_accounts.audited(
            *test_accounts.peered("pending-acceptance"), asked=test_accounts.CALLER
        ),
        "one fault of two VPCs": overview(acl(DENY)(WARNED), acl(DENY)(SHUT), SOUND, asked=_ONE_SERVICE),
        "faults of a reviewer": overview(
            test_review.one_zone(endpoints(policy=DEFAULT)(group(default=True)(SOUND))),
            asked=replace(REVIEW, workloads=(Workload.CALLER,)),
        ),
        "a fault that is suppressed": overview(acl(DENY)(SHUT), asked=replace(_ONE_SERVICE, suppressions=(known,))),
        "a VPC without endpoints does not count": overview(SOUND, test_overview.without_endpoints(WARNED), asked=ASKED),
        "the endpoints were not read": overview(test_overview.unread(SOUND), asked=_ONE_SERVICE),
        "changes since an earlier audit": _changed(),
    }
    return {name: rendered(AUDIT, document, "text") for name, document in documents.items()}


def written() -> str:
    """The content of the file."""
    return joined(sections())
