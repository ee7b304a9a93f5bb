"""The only way in which a command writes its document: to stdout or to a file, or as a refusal if it cannot be made.

KINDS has a row for each kind of document: its formats with the function that writes each of them, its masks, its
refusal, who may read its file, and its JSON Schema.
"""

import importlib
import math
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeAlias

from agent.formats.registry import FORMATS, RenderOptions
from agent.process.exit_codes import OK, SIGNALS, UNKNOWN
from agent.process.files import within
from agent.process.output import OutputClosedError, error_to_stderr, has_colours, one_line, to_stdout
from agent.process.phases import Phase, announce
from agent.process.signals import exit_on_signals
from agent.process.write_file import to_file, to_private_file
from agent.settings import Output
from probes.frozen import dataclass

Content: TypeAlias = str | bytes | Iterator[str]
"""The result of a writer: a text, a text in pieces, or the content of a file that is not text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A format of a kind of documents."""

    write: Callable[[Any, RenderOptions], Content]
    is_shared: bool = False
    """Whether programs of other users read the file, such as node_exporter's textfile collector. All other files
    contain ids, so only their owner can read them."""
    on_stdout: str | None = None
    """The format to write to stdout in place of this one, if this one is not text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A row of KINDS: a kind of document."""

    name: str
    schema: str
    """The value of `schema` in the JSON of the document."""
    forms: Mapping[str, Form]
    """The forms of the document, by the name of the format. The first one is the default."""
    called: str = "the document is"
    """The name of the document and a verb, for the sentence that says that it is on stdout."""
    redact: Callable[[Any], Any] | None = None
    """Masks a document; None for a kind that is never masked."""
    refusal: Callable[[str], Any] | None = None
    """Makes a document of this kind that says why the real one could not be made. If this is None, the JSON document is
    a `Refusal`, which only has the reason."""
    json_schema: Callable[[], dict[str, Any]] | None = None
    """Makes the JSON Schema of the document. None if the schema is not published."""

    @property
    def formats(self) -> tuple[str, ...]:
        """The values of `--format`."""
        return tuple(self.forms)


# --- What is written -------------------------------------------------------------------------------------------------


def publish(kind: Kind, document: Any, output: Output, code: int = OK, *, said: int | None = None) -> int:
    """Write a document to its place. Returns the exit code: `code`, or UNKNOWN if the file could not be written and
    stdout got the document instead. `said` is the exit code that the document contains, if it differs from `code`.
    Raises OutputClosedError."""
    if output.redact:
        if kind.redact is None:
            raise ValueError(f"a document of the kind {kind.name} cannot be masked")
        document = kind.redact(document)
    announce(Phase.RENDERING)
    form, look = kind.forms[output.format], RenderOptions(brief=output.brief, exit_code=code if said is None else said)
    if output.output is not None:
        data = _whole(form.write(document, look))
        instead = "" if form.on_stdout is None else f", as {form.on_stdout.upper()},"
        if is_written(data, output.output, f"{kind.called}{instead}", private=not form.is_shared):
            return code
        code, look = UNKNOWN, replace(look, exit_code=UNKNOWN)
    else:
        look = replace(look, colour=has_colours(sys.stdout, os.environ))
    _to_stdout(kind.forms[form.on_stdout or output.format].write(document, look))
    return code


def refuse(kind: Kind, why: str, wanted: str, code: int = UNKNOWN) -> int:
    """Write a document in the format `wanted`. It only says why the real document could not be made. Returns the exit
    code: `code`, or UNKNOWN if nobody can read stdout."""
    try:
        _to_stdout(_refused(kind, why, wanted, code))
    except OutputClosedError:
        return UNKNOWN
    return code


def refuse_interrupted(kind: Kind, wanted: str, received_signals: Sequence[str]) -> int:
    """Write that a signal came before there was a document. Returns the exit code of the signal like `refuse`."""
    name = received_signals[0]
    return refuse(kind, f"interrupted by {name}", wanted, SIGNALS[name])


def rendered(kind: Kind, document: Any, wanted: str, *, colour: bool = False) -> str:
    """Return the text of a document for a caller that writes it itself. Raises ValueError for a format that is not
    text."""
    content = kind.forms[wanted].write(document, RenderOptions(colour=colour))
    if isinstance(content, bytes):
        raise ValueError(f"{wanted} is not text")
    return content if isinstance(content, str) else "".join(content)


def write_at_once(text: str, received_signals: list[str]) -> int:
    """Write the result of a command that makes no run to stdout. Returns OK, even if the reader has ended, as head(1)
    does. After a signal, which also ends the wait for a reader that never reads, returns the code of the signal. Raises
    OutputClosedError."""
    with exit_on_signals(received_signals):
        try:
            to_stdout(text)
        except OutputClosedError as error:
            if str(error):
                raise
    return SIGNALS[received_signals[0]] if received_signals else OK


def is_written(data: bytes, output: str, what: str, *, private: bool) -> bool:
    """Write a file. If `private`, only its owner can read it, even if others could read the file that it replaces. If
    this fails, a message on stderr says that `what` is on stdout. The function then returns False, and the caller
    writes the document to stdout."""
    path = Path(output)
    write = partial(to_private_file, data, path) if private else partial(to_file, data.decode("utf-8"), path)
    try:
        # In a thread, so that a signal ends the wait for a file system that never answers. The reader of a pipe or of
        # /dev/stdout may take its time.
        within(write, seconds=math.inf)
    except OSError as error:
        error_to_stderr(f"Error: {one_line(f'{output} cannot be written: {error.strerror}; {what} on stdout.')}\n")
        return False
    return True


def _whole(content: Content) -> bytes:
    if isinstance(content, bytes):
        return content
    return (content if isinstance(content, str) else "".join(content)).encode("utf-8")


def _to_stdout(content: Content) -> None:
    if isinstance(content, bytes):
        raise ValueError("stdout takes text; the row of this format must name another format for it")
    for piece in (content,) if isinstance(content, str) else content:
        to_stdout(piece)


# --- What is refused -------------------------------------------------------------------------------------------------


def _refused(kind: Kind, why: str, wanted: str, code: int) -> Content:
    if kind is not REPORT:
        if wanted in ("text", "markdown", "html"):
            return _refused_to_people(kind, why, wanted)
        if wanted == "svg":  # the picture of a refusal is the same for all kinds
            return _refused(REPORT, why, wanted, code)
    wanted = kind.forms[wanted].on_stdout or wanted
    if kind.refusal is not None:
        return kind.forms[wanted].write(kind.refusal(why), RenderOptions(exit_code=code))
    from agent.report import refusal

    return refusal.dumps(refusal.of(kind.schema, why))


def _refused_to_people(kind: Kind, why: str, wanted: str) -> str:
    """Return only the reason. An HTML page also has the refusal in a form for programs."""
    from agent.documents.blocks import Document, Embedded
    from agent.documents.render import render
    from agent.report import refusal
    from agent.report.serialization import to_json

    def embedded() -> Any:
        made: Any = refusal.of(kind.schema, why) if kind.refusal is None else kind.refusal(why)
        return to_json(made.document if kind is FLEET else made)  # a refused fleet has no tables

    data = Embedded(page_id=f"backuplink-{kind.name}", make=embedded)
    return render(Document(kind="unknown", word="UNKNOWN", summary=why, embedded=data), wanted)


# --- The kinds -------------------------------------------------------------------------------------------------------


def _by(place: str, **takes: str) -> Callable[..., Any]:
    """Return the function at `MODULE:NAME`. It is imported when it is first called, so that a command does not load
    other kinds and formats. `takes` maps the function's parameters to fields of RenderOptions."""

    def call(value: Any, options: RenderOptions | None = None) -> Any:
        module, _, name = place.partition(":")
        function = getattr(importlib.import_module(module), name)
        return function(value, **{taken: getattr(options, field) for taken, field in takes.items()})

    return call


def _schema(place: str) -> Callable[[], dict[str, Any]]:
    module, _, name = place.partition(":")
    return lambda: getattr(importlib.import_module(module), name)()


def _form(place: str, *, is_shared: bool = False, on_stdout: str | None = None, **takes: str) -> Form:
    return Form(write=_by(place, **takes), is_shared=is_shared, on_stdout=on_stdout)


def _tree(builder: str, wanted: str) -> Form:
    """A format for people: `builder` makes a tree of blocks from the document."""
    tree = _by(builder)

    def write(document: Any, options: RenderOptions) -> str:
        from agent.documents.render import render

        return render(tree(document), wanted, colour=options.colour)

    return Form(write=write)


def _of_report(module: str) -> Callable[[Any, RenderOptions], str]:
    return lambda report, options: importlib.import_module(module).render(report, options)


REPORT: Final = Kind(
    name="report",
    called="the report is",
    schema="backuplink.report.v1",
    forms={row.name: Form(write=_of_report(row.module), is_shared=row.is_collected) for row in FORMATS},
    redact=_by("agent.report.redact:redact"),
    refusal=_by("agent.judge.verdict:refusal"),
    json_schema=_schema("agent.report.codec:schema"),
)
DIFFERENCE: Final = Kind(
    name="diff",
    schema="backuplink.diff.v1",
    forms={
        "text": _tree("agent.documents.difference:document", "text"),
        "json": _form("agent.report.diff:dumps"),
        "html": _tree("agent.documents.difference:document", "html"),
        "markdown": _tree("agent.documents.difference:document", "markdown"),
    },
    json_schema=_schema("agent.report.diff:schema"),
)
PREDICTION: Final = Kind(
    name="prediction",
    called="the prediction is",
    schema="backuplink.prediction.v1",
    forms={
        "text": _tree("agent.predict.content:document", "text"),
        "json": _form("agent.predict.model:dumps"),
        "junit": _form("agent.predict.junit:render"),
        "html": _tree("agent.predict.content:document", "html"),
        "markdown": _tree("agent.predict.content:document", "markdown"),
    },
    redact=_by("agent.report.redact:redact_document"),
    refusal=_by("agent.predict.model:refusal"),
    json_schema=_schema("agent.predict.model:schema"),
)
AUDIT: Final = Kind(
    name="audit",
    called="the audit is",
    schema="backuplink.audit.v1",
    forms={
        "text": _tree("agent.audit.content:document", "text"),
        "json": _form("agent.audit.model:dumps"),
        "html": _tree("agent.audit.content:document", "html"),
        "csv": _form("agent.audit.csv:render"),
        "markdown": _tree("agent.audit.content:document", "markdown"),
        "eventbridge": _form("agent.audit.events:render"),
    },
    redact=_by("agent.report.redact:redact_document"),
    refusal=_by("agent.audit.model:refusal"),
    json_schema=_schema("agent.audit.model:schema"),
)
FLEET: Final = Kind(
    name="fleet",
    schema="backuplink.fleet.v1",
    forms={
        "text": _tree("agent.fleet.render:as_tree", "text"),
        "json": _form("agent.fleet.render:as_json"),
        "html": _tree("agent.fleet.render:as_tree", "html"),
        "csv": _form("agent.fleet.render:as_csv"),
        "parquet": _form("agent.fleet.render:as_parquet", on_stdout="json"),
        "markdown": _tree("agent.fleet.render:as_tree", "markdown"),
        "prometheus": _form("agent.fleet.render:as_metrics", is_shared=True),
        "eventbridge": _form("agent.fleet.render:as_events"),
    },
    redact=_by("agent.fleet.render:masked"),
    refusal=_by("agent.fleet.render:refusal"),
    json_schema=_schema("agent.fleet.model:schema"),
)
HISTORY: Final = Kind(
    name="history",
    schema="backuplink.history.v1",
    forms={
        "text": _tree("agent.history.content:document", "text"),
        "json": _form("agent.history.render:as_json"),
        "html": _tree("agent.history.content:document", "html"),
        "svg": _form("agent.history.render:as_svg"),
        "markdown": _tree("agent.history.content:document", "markdown"),
    },
    json_schema=_schema("agent.history.model:schema"),
)
FACTS: Final = Kind(
    name="facts",
    called="the facts are",
    schema="backuplink.ec2-facts.v1",
    forms={"json": _form("agent.report.facts_file:dumps_any")},
    json_schema=_schema("agent.report.facts_file:schema"),
)
CATALOGUE: Final = Kind(
    name="codes",
    schema="backuplink.explain.v1",
    forms={
        "text": _form("agent.formats.explain:catalogue_as_text"),
        "json": _form("agent.formats.explain:catalogue_as_json"),
        "markdown": _tree("agent.documents.explain:catalogue", "markdown"),
        "html": _tree("agent.documents.explain:catalogue", "html"),
    },
)
PAGE: Final = Kind(
    name="explain",
    schema="backuplink.explain.v1",
    forms={
        "text": _form("agent.formats.explain:page_as_text", bold="colour"),
        "json": _form("agent.formats.explain:page_as_json"),
        "markdown": _tree("agent.documents.explain:document", "markdown"),
        "html": _tree("agent.documents.explain:document", "html"),
    },
)
KNOWN_TEXTS: Final = Kind(
    name="known-texts",
    schema="backuplink.explain.v1",
    forms={
        "text": _tree("agent.documents.known_texts:document", "text"),
        "json": _form("agent.formats.known_texts:as_json"),
        "markdown": _tree("agent.documents.known_texts:document", "markdown"),
        "html": _tree("agent.documents.known_texts:document", "html"),
    },
)
ENDPOINTS: Final = Kind(
    name="endpoints",
    schema="backuplink.endpoints.v1",
    forms={"text": _form("agent.formats.endpoints:as_text"), "json": _form("agent.formats.endpoints:as_json")},
)
PERMISSIONS: Final = Kind(
    name="permissions",
    schema="backuplink.permissions.v1",
    forms={"text": _form("agent.app.permissions:as_text"), "json": _form("agent.app.permissions:as_json")},
)
KINDS: Final = {
    kind.name: kind
    for kind in (
        *(REPORT, DIFFERENCE, PREDICTION, AUDIT, FLEET, HISTORY, FACTS),
        *(CATALOGUE, PAGE, KNOWN_TEXTS, ENDPOINTS, PERMISSIONS),
    )
}
