"""Sources as BibTeX and RIS, read into and written from the table of sources.

Both have kinds of publications and forms of dates of their own. A date without a day counts as the first of its month
or year, and a kind may suggest a type of source or leave that empty: such guesses change nothing that is stored and
agrees with what the file says. Addresses and identifiers are taken verbatim.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

import rispy
from bibtexparser.library import Library
from bibtexparser.middlewares import LatexDecodingMiddleware, LatexEncodingMiddleware
from bibtexparser.middlewares.names import split_multiple_persons_names
from bibtexparser.middlewares.parsestack import default_parse_stack, default_unparse_stack
from bibtexparser.model import Block, DuplicateBlockKeyBlock, Entry, Field, String
from bibtexparser.splitter import Splitter
from bibtexparser.writer import write
from django.core.exceptions import ValidationError
from tablib import Dataset

from evidence.choices import SourceType
from evidence.identifiers import ISBN
from evidence.tables import Guess, bounded, decoded, plain, table_of

for _name in ("bibtexparser", "pylatexenc"):  # a line for each fault of a file, which its uploader is told
    logging.getLogger(_name).setLevel(logging.CRITICAL)

COLUMNS = ("key", "title", "authors", "publisher", "source_type", "publication_date", "url", "identifier")

_VERBATIM = frozenset({"url", "doi", "eprint", "isbn", "date", "identifier", "archiveprefix", "year", "month"})
_ACADEMIC_BIBTEX = {
    *("article", "book", "booklet", "conference", "inbook", "incollection", "inproceedings"),
    *("mastersthesis", "phdthesis", "proceedings", "thesis"),
}
_ACADEMIC_RIS = {"JOUR", "JFULL", "EJOUR", "BOOK", "EBOOK", "CHAP", "ECHAP", "CONF", "CPAPER", "THES"}
_PUBLISHERS_BIBTEX = ("journal", "journaltitle", "publisher", "institution", "booktitle", "school", "organization")
_PUBLISHERS_RIS = ("publisher", "journal_name", "alternate_title1", "secondary_title")
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAY = re.compile(r"(\d{4})(?:[-/](\d{1,2}))?(?:[-/](\d{1,2}))?[-/]*\Z")
_DOI = re.compile(r"(?:doi:\s*)?(10\..+)\Z", re.IGNORECASE)
_ARXIV = re.compile(r"arxiv:\s*(.+)\Z", re.IGNORECASE)
_BRACE = re.compile(r"[{}]")
_ESCAPED_BRACE = re.compile(r"\\([{}])")
_IN_ADDRESSES = str.maketrans({each: quote(each) for each in "{}\\"})
"""What ends a field of BibTeX or hides its end, as addresses write it."""
_GAPS = re.compile(r"\s+")


class _Decoding(LatexDecodingMiddleware):
    """LaTeX to text, but where % and _ mean themselves; authors with semicolons between them."""

    def transform_entry(self, entry: Entry, library: Any) -> Any:
        for each in entry.fields:
            if each.key.lower() == "author":  # while braces still hold names together
                each.value = "; ".join(split_multiple_persons_names(each.value))
        return _sparing(super().transform_entry, entry, library)


class _Encoding(LatexEncodingMiddleware):
    """The opposite."""

    def transform_entry(self, entry: Entry, library: Any) -> Any:
        done = _sparing(super().transform_entry, entry, library)
        for each in getattr(done, "fields", ()):
            each.value = each.value.replace("''", '{"}')  # a straight quotation mark stays one
            if each.key == "author":
                names = each.value.split("; ")
                each.value = " and ".join(f"{{{name}}}" if " and " in name else name for name in names)
        return done


def _sparing(transform: Callable[[Entry, Any], Any], entry: Entry, library: Any) -> Any:
    kept = [each for each in entry.fields if each.key.lower() in _VERBATIM]
    entry.fields = [each for each in entry.fields if each.key.lower() not in _VERBATIM]
    done = transform(entry, library)
    if isinstance(done, Entry):
        done.fields = [*done.fields, *kept]
    return done


class _Writer(rispy.RisWriter):
    """References without a number before each."""

    def set_header(self, count: int) -> str:
        return ""


def read_bibtex(raw: bytes) -> Dataset:
    """The entries of a BibTeX file. Raises ValidationError naming the line of what is none."""
    blocks = list(_blocks(Splitter(decoded(bounded(raw))).split()))
    for number, block in enumerate(blocks):
        if isinstance(block, Entry):
            block.key = str(number)  # two entries of one name are still two entries
    library = Library(blocks)
    for middleware in (*default_parse_stack(), _Decoding()):
        library = middleware.transform(library)
    for failed in library.failed_blocks:
        raise ValidationError(f"Line {(failed.start_line or 0) + 1}: this is not a readable BibTeX entry.")
    return _table(map(_of_bibtex, library.entries))


def read_ris(raw: bytes) -> Dataset:
    """The references of a RIS file. Raises ValidationError."""
    try:
        found = rispy.loads(decoded(bounded(raw)))
    except (OSError, ValueError, KeyError) as error:
        raise ValidationError(f"The file is not valid RIS: {error}.") from None
    return _table(map(_of_ris, found))


def write_bibtex(table: Dataset) -> bytes:
    """A library of BibTeX entries, one a source."""
    entries = [_to_bibtex(_words(row), f"source{number}") for number, row in enumerate(table.dict, 1)]
    library = Library(list[Block](entries))
    for middleware in (_Encoding(keep_math=False, enclose_urls=False), *default_unparse_stack()):
        library = middleware.transform(library)
    return write(library).encode()


def write_ris(table: Dataset) -> bytes:
    """A list of RIS references, one a source."""
    references = [_to_ris(_words(row)) for row in table.dict]
    return rispy.dumps(references, implementation=_Writer).encode()


def _blocks(library: Library) -> Iterator[Block]:
    """All blocks; a @string that says the same again only once. Raises ValidationError for one that says another."""
    for block in library.blocks:
        if not isinstance(block, DuplicateBlockKeyBlock):
            yield block
        elif not isinstance(again := block.ignore_error_block, String):
            if again is not None:
                yield again
        elif again.value != getattr(block.previous_block, "value", None):
            line = (block.start_line or 0) + 1
            raise ValidationError(f"Line {line}: the @string {again.key} is there twice, with different texts.")


def _table(rows: Iterable[Mapping[str, str]]) -> Dataset:
    return table_of(list(COLUMNS), [["", *(row.get(name, "") for name in COLUMNS[1:])] for row in rows])


def _of_bibtex(entry: Entry) -> dict[str, str]:
    found = {each.key.lower(): _line(each.value) for each in entry.fields}
    identifier = found.get("identifier") or found.get("doi", "")
    is_arxiv = bool(found.get("eprint")) and found.get("archiveprefix", found.get("eprinttype", "")).lower() == "arxiv"
    if not identifier and is_arxiv:
        identifier = f"arXiv:{found['eprint']}"
    if not identifier and found.get("isbn"):
        identifier = f"ISBN {found['isbn']}"
    is_academic = entry.entry_type.lower() in _ACADEMIC_BIBTEX or is_arxiv
    date = found.get("date") or "-".join(
        part for part in (found.get("year"), _month(found.get("month", "")), found.get("day")) if part
    )
    return {
        "title": found.get("title", ""),
        "authors": found.get("author", ""),
        "publisher": _first(found, _PUBLISHERS_BIBTEX),
        "source_type": _source_type(found.get("type", ""), is_academic=is_academic),
        "publication_date": _day(date),
        "url": found.get("url", ""),
        "identifier": _ESCAPED_BRACE.sub(r"\1", identifier),
    }


def _of_ris(found: Mapping[str, Any]) -> dict[str, str]:
    identifier = found.get("doi") or found.get("accession_number") or ""
    if not identifier and ISBN.match(found.get("issn", "")):
        identifier = f"ISBN {found['issn']}"
    date = found.get("date") or found.get("year") or found.get("publication_year") or ""
    return {
        "title": _line(found.get("title") or found.get("primary_title") or ""),
        "authors": "; ".join(map(_line, found.get("authors") or found.get("first_authors") or ())),
        "publisher": _line(_first(found, _PUBLISHERS_RIS)),
        "source_type": _source_type(
            found.get("type_of_work", ""), is_academic=found.get("type_of_reference") in _ACADEMIC_RIS
        ),
        "publication_date": _day(date),
        "url": next(iter(found.get("urls", ())), ""),
        "identifier": identifier.strip(),
    }


def _to_bibtex(row: Mapping[str, str], name: str) -> Entry:
    is_academic = row["source_type"] == SourceType.ACADEMIC_PAPER
    year, month, _ = row["publication_date"].split("-")
    fields = {
        "title": row["title"],
        "author": row["authors"],
        "journal" if is_academic else "institution": row["publisher"],
        "type": "" if is_academic else SourceType(row["source_type"]).label,
        "year": year,
        "month": str(int(month)),
        "date": row["publication_date"],
        "url": row["url"].translate(_IN_ADDRESSES),
        **_named(_BRACE.sub(r"\\\g<0>", row["identifier"])),
    }
    kind = "article" if is_academic else "techreport"
    return Entry(kind, name, [Field(key, value) for key, value in fields.items() if value])


def _named(identifier: str) -> dict[str, str]:
    """The identifier in the field that is meant for its kind."""
    if doi := _DOI.match(identifier):
        return {"doi": doi[1]}
    if arxiv := _ARXIV.match(identifier):
        return {"eprint": arxiv[1], "archiveprefix": "arXiv"}
    if isbn := ISBN.match(identifier):
        return {"isbn": isbn["number"]}
    return {"identifier": identifier}


def _to_ris(row: Mapping[str, str]) -> dict[str, Any]:
    doi = _DOI.match(row["identifier"])
    is_academic = row["source_type"] == SourceType.ACADEMIC_PAPER
    found = {
        "type_of_reference": "JOUR" if is_academic else "RPRT",
        "title": row["title"],
        "authors": [name for name in row["authors"].split("; ") if name],
        "type_of_work": "" if is_academic else SourceType(row["source_type"]).label,
        "date": row["publication_date"].replace("-", "/"),
        "year": row["publication_date"][:4],
        "publisher": row["publisher"],
        "urls": [row["url"]] if row["url"] else [],
        "doi": doi[1] if doi else "",
        "accession_number": "" if doi else row["identifier"],
    }
    return {name: value for name, value in found.items() if value}


def _words(row: Mapping[str, Any]) -> dict[str, str]:
    """The row as text, each cell on one line."""
    return {name: _line(str(plain(value))) for name, value in row.items()}


def _line(text: str) -> str:
    return _GAPS.sub(" ", text).strip()


def _first(found: Mapping[str, Any], names: Iterable[str]) -> str:
    return next((found[name] for name in names if found.get(name)), "")


def _source_type(kind: str, *, is_academic: bool) -> str:
    """The type of source that a kind of report names, else, at a guess, an academic paper or nothing."""
    named = {word.lower(): each.value for each in SourceType for word in (each.value, each.label)}
    return named.get(kind.lower(), Guess(SourceType.ACADEMIC_PAPER.value) if is_academic else "")


def _month(text: str) -> str:
    """A month's number, from its name too."""
    short = text.strip().lower()[:3]
    return str(_MONTHS.index(short) + 1) if short in _MONTHS else text


def _day(text: str) -> str:
    """The first day of a date, as YYYY-MM-DD; what is no date stays, and is refused as one."""
    match = _DAY.match(text.strip())
    if not match:
        return text
    parts = [match[1], *(f"{int(part):02d}" for part in match.groups()[1:] if part)]
    return Guess("-".join([*parts, "01", "01"][:3]), known="-".join(parts))
