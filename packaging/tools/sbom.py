"""Write a bill of materials in CycloneDX's JSON. Its bytes are the same for the same artifact and date."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion

from components import SYSTEM, CompiledIn, File, Part
from wheelhouse import digest

OF_FLEET: Final = "duckdb"
"""The part that the extra `fleet` adds. It is in the image, and the program can run without it."""


def text(artifact: Path, parts: Sequence[Part], *, version: str, date: int) -> str:
    """The bill of materials of `artifact`. `parts` must have the part `backuplink`, everything that it needs, and what
    they run on.

    `date` is in seconds since 1970. A part is listed with its files and their hashes, but without the place from which
    they come. Raises ValueError if the bill does not match CycloneDX's schema.
    """
    checksum = digest(artifact)
    known = {part.name: _component(part) for part in parts}
    whole = Component(
        name=artifact.name,
        version=version,
        type=ComponentType.APPLICATION,
        bom_ref=artifact.name,
        hashes=[_sha256(checksum)],
        licenses=known["backuplink"].licenses,
    )
    bom = Bom(serial_number=uuid5(NAMESPACE_URL, f"sha256:{checksum}"))
    bom.metadata.timestamp = datetime.fromtimestamp(date, UTC)
    bom.metadata.component = whole
    bom.components.update(known.values())
    brought = ("backuplink", OF_FLEET, "python", *SYSTEM)
    bom.register_dependency(whole, [known[name] for name in brought if name in known])
    for part in parts:
        bom.register_dependency(known[part.name], [known[name] for name in sorted(part.needs) if name in known])
    written: str = JsonV1Dot6(bom).output_as_string(indent=2) + "\n"
    check(written)
    return written


def check(written: str) -> None:
    """Raise ValueError if a document does not match CycloneDX's schema, or has an unknown key."""
    # Imported here, since the import takes a second to compile grammars, and every process of the tests imports this
    # module.
    from cyclonedx.validation.json import JsonStrictValidator

    if error := JsonStrictValidator(SchemaVersion.V1_6).validate_str(written):
        raise ValueError(f"this is not a bill of materials by CycloneDX's schema: {error}")


def _sha256(content: str) -> HashType:
    return HashType(alg=HashAlgorithm.SHA_256, content=content)


def _taken(file: File) -> ExternalReference:
    wheel = file.name.endswith(".whl")
    kind = ExternalReferenceType.DISTRIBUTION if wheel else ExternalReferenceType.SOURCE_DISTRIBUTION
    return ExternalReference(type=kind, url=XsUri(file.name), hashes=[_sha256(file.sha256)])


def _component(part: Part) -> Component:
    reference = part.purl.to_string()
    return Component(
        name=part.name,
        version=part.version,
        type=ComponentType.LIBRARY,
        bom_ref=reference,
        purl=part.purl,
        licenses=[LicenseFactory().make_from_string(part.licence)],
        external_references=[_taken(file) for file in part.files],
        components=[_compiled_in(component, reference) for component in part.inside],
    )


def _compiled_in(inside: CompiledIn, above: str) -> Component:
    return Component(
        name=inside.name,
        version=inside.version or None,
        type=ComponentType.LIBRARY,
        bom_ref=f"{above}#{inside.name}@{inside.version}",
        purl=inside.purl,
        hashes=[_sha256(checksum) for checksum in inside.sha256],
        licenses=[LicenseFactory().make_from_string(licence) for licence in inside.licences],
    )
