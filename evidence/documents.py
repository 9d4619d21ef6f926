"""The evidence file `aifutures.evidence/1`: types, validation with named paths."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from evidence.choices import Direction, SourceType
from evidence.models import Source
from evidence.models.items import PUBLIC_ID

MAX_BYTES = 20_000_000
MAX_ITEMS = 10_000


def _matching(pattern: str, words: str) -> AfterValidator:
    def check(value: str) -> str:
        if not re.match(pattern, value):
            raise ValueError(words)
        return value

    return AfterValidator(check)


_STORABLE = _matching(r"[^\x00]*\Z", "must not contain the character NUL")

Id = Annotated[str, _matching(PUBLIC_ID, "must be 1 to 64 letters, digits, points, hyphens and underscores")]
Address = Annotated[str, Field(max_length=500), _matching(r"(https?://[^\s\x00]+)?\Z", "must start with https://")]
Text = Annotated[str, Field(max_length=20_000), _STORABLE]
Line = Annotated[str, Field(max_length=500), _STORABLE]
Unit = Annotated[float, Field(ge=0, le=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class QualityScoresDocument(_Part):
    """Curators' scores in [0, 1]; `recency` is null when it follows from the publication date."""

    authority: Unit
    methodology: Unit
    recency: Unit | None
    replication: Unit


class SourceDocument(_Part):
    """The publication an item comes from, repeated in full with every item of it."""

    title: Annotated[Line, Field(min_length=1)]
    authors: Line
    publisher: Annotated[Line, Field(max_length=300)]
    source_type: SourceType
    publication_date: date
    url: Address
    identifier: Annotated[Line, Field(max_length=200)]

    @property
    def key(self) -> str:
        """The name that the source gets where it is new."""
        return source_key(url=self.url, identifier=self.identifier)


class EvidenceItemDocument(_Part):
    """One finding of one source, as it bears on one hypothesis."""

    id: Id
    hypothesis: Line
    direction: Direction
    strength: Unit
    quality_scores: QualityScoresDocument
    source: SourceDocument
    description: Annotated[Text, Field(min_length=1)]
    rationale: Text
    dependency_group: Annotated[Line, Field(max_length=200)]


class EvidenceDocument(_Part):
    """A whole evidence file. Make it with `parse_evidence`, which also checks items against each other."""

    schema_name: Annotated[Literal["aifutures.evidence/1"], Field(alias="schema")]
    name: Line = ""
    note: Text = ""
    items: Annotated[tuple[EvidenceItemDocument, ...], Field(max_length=MAX_ITEMS)]


class Fault(NamedTuple):
    """One thing wrong with a file: where (`items[2].strength`) and what."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


@dataclass
class EvidenceError(ValueError):
    """An evidence file that cannot be used. `faults` names everything that is wrong."""

    faults: list[Fault]

    def __str__(self) -> str:
        return "; ".join(map(str, self.faults))


def source_key(*, url: str, identifier: str) -> str:
    """A source's name in model documents: its identifier, else its address without scheme and last slash."""
    return identifier or url.partition("://")[2].rstrip("/")


def handles_of(source: SourceDocument | Source) -> list[tuple[str, str]]:
    """What a publication is recognised by, as (kind, value): identifier, url and key, as far as it has them."""
    handles = [("identifier", source.identifier), ("url", source.url), ("key", source.key)]
    return [handle for handle in handles if handle[1]]


def parse_evidence(raw: bytes | str | Mapping[str, Any]) -> EvidenceDocument:
    """Read and check an evidence file.

    Raises EvidenceError naming the path of every unknown or missing key, value out of range, duplicate id and source
    that is described in two ways.
    """
    text = raw if isinstance(raw, bytes | str) else json.dumps(raw)
    if len(text) > MAX_BYTES:
        raise EvidenceError([Fault("", f"the file is larger than {MAX_BYTES:,} bytes")])
    try:
        document = EvidenceDocument.model_validate_json(text)
    except ValidationError as error:
        raise EvidenceError(list(_faults_of(error))) from None
    if not document.items:
        raise EvidenceError([Fault("items", "must not be empty")])
    faults = [*_check_ids(document), *_check_sources(document)]
    if faults:
        raise EvidenceError(faults)
    return document


_WORDS = {
    "extra_forbidden": "unknown key",
    "missing": "missing key",
    "finite_number": "must be a finite number",
    "too_short": "must not be empty",
    "string_too_short": "must not be empty",
}


def _faults_of(error: ValidationError) -> Iterator[Fault]:
    for item in error.errors(include_url=False):
        path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in item["loc"]).lstrip(".")
        value = item.get("input")
        shown = f", not {value!r}" if isinstance(value, str | int | float) and len(repr(value)) < 60 else ""
        plain = item["type"] in {*_WORDS, "json_invalid"}
        message = _WORDS.get(item["type"], item["msg"].removeprefix("Input ").removeprefix("Value error, "))
        yield Fault(path, message if plain else f"{message}{shown}")


def _check_ids(document: EvidenceDocument) -> Iterator[Fault]:
    first: dict[str, int] = {}
    for index, item in enumerate(document.items):
        if item.id in first:
            yield Fault(f"items[{index}].id", f"duplicate id {item.id!r}, first in items[{first[item.id]}]")
        first.setdefault(item.id, index)


def _check_sources(document: EvidenceDocument) -> Iterator[Fault]:
    """What has the same identifier or address is one publication, and must be the same in every field."""
    first: dict[tuple[str, str], int] = {}
    for index, item in enumerate(document.items):
        source = item.source
        if not source.key:
            yield Fault(f"items[{index}].source", "needs a url or an identifier")
            continue
        for handle in handles_of(source):
            other = first.setdefault(handle, index)
            differing = _differences(source, document.items[other].source)
            if differing:
                yield Fault(
                    f"items[{index}].source",
                    f"the same {handle[0]} as in items[{other}], but another {' and '.join(differing)}",
                )
                break


def _differences(one: SourceDocument, other: SourceDocument) -> list[str]:
    return [field for field in SourceDocument.model_fields if getattr(one, field) != getattr(other, field)]
