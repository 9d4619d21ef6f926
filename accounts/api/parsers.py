"""Bodies as strict JSON: of bounded size and depth, with finite numbers and text that the database can store."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import IO, Any, ClassVar, NoReturn

from django.conf import settings
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from accounts.api.problems import PayloadTooLarge


class StrictJSONParser(BaseParser):
    """`application/json` in UTF-8. A view that takes more sets its own subclass with another `max_bytes`."""

    media_type = "application/json"
    max_bytes: ClassVar[int] = settings.DATA_UPLOAD_MAX_MEMORY_SIZE

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """The body's value. Raises PayloadTooLarge and ParseError."""
        try:
            return strict_json(read_body(stream, self.max_bytes))
        except ValueError as error:
            raise ParseError(f"The body {error}.") from None


def strict_json(raw: bytes) -> Any:
    """The value of JSON in UTF-8. Raises ValueError that goes on after "The body": "is not UTF-8 text"."""
    try:
        text = raw.decode()
        value = json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8 text") from None
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"is not valid JSON: {error}") from None
    if "\\u" in text:  # the only way to write what UTF-8 cannot say
        _check_text(value)
    elif "\x00" in text:
        raise ValueError("holds a NUL character")
    return value


def read_body(stream: IO[bytes], max_bytes: int) -> bytes:
    """The whole body. Raises PayloadTooLarge beyond `max_bytes`."""
    raw = stream.read(max_bytes + 1)
    if len(raw) > max_bytes:
        raise PayloadTooLarge(f"The body is bigger than {max_bytes:,} bytes.")
    return raw


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is too large a number")
    return number


def _check_text(value: Any) -> None:
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("holds half of a surrogate pair") from None
    if "\\u0000" in text.replace("\\\\", ""):
        raise ValueError("holds a NUL character")
