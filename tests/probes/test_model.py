"""The id of a step: it is computed once, and is not a part of the step's value."""

import copy
import pickle
from dataclasses import fields, replace
from ipaddress import ip_address

from probes.model import Step, Subject


def test_the_id_is_no_part_of_the_subject() -> None:
    subject = Subject(step=Step.TCP, target="backup", address=ip_address("10.0.1.17"), port=443)
    other = replace(subject)
    assert subject.id == "tcp/backup/10.0.1.17/443"
    assert subject.id is subject.id  # computed once
    assert (subject, hash(subject), repr(subject)) == (other, hash(other), repr(other))
    assert "_id" not in {field.name for field in fields(subject)}
    for again in (copy.copy(subject), copy.deepcopy(subject), pickle.loads(pickle.dumps(subject))):  # noqa: S301
        assert (again, again.id) == (subject, subject.id)


def test_what_is_replaced_has_an_id_of_its_own() -> None:
    subject = Subject(step=Step.TCP, target="backup", port=443)
    assert (subject.id, replace(subject, port=1026).id, replace(subject, step=Step.TLS).id) == (
        "tcp/backup/443",
        "tcp/backup/1026",
        "tls/backup/443",
    )
