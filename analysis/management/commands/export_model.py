"""`export_model`: a model document as a file."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from analysis.engine.spec import ModelDocument, ModelError, parse_model
from analysis.management.output import check_output, write_output
from analysis.selectors import run_by_id
from analysis.services.model_documents import NamedModel, model_document_build


class Command(BaseCommand):
    help = "Write the model document that a run would use now, or that a stored run used."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--run", metavar="ID", help="a stored run's id, or its first characters")
        parser.add_argument("--model", help=f"one of {', '.join(NamedModel.values)}; default: baseline")
        parser.add_argument("--output", type=Path, metavar="FILE", help="where to write; default: standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["output"]:
            check_output(options["output"])
        try:
            document = _document(options["run"], options["model"])
        except ValidationError as error:
            raise CommandError(" ".join(error.messages), returncode=2) from None
        except ModelError as error:
            raise CommandError(f"The data make no valid model: {error}") from None
        text = json.dumps(document.to_json(), indent=1, ensure_ascii=False)
        write_output(options["output"], f"{text}\n") if options["output"] else self.stdout.write(text)


def _document(run_id: str | None, model: str | None) -> ModelDocument:
    if run_id is not None and model is not None:
        raise ValidationError("Give --run or --model, not both.")
    if run_id is not None:
        return parse_model(run_by_id(run_id).model_document)
    name = NamedModel.BASELINE if model is None else model
    if name not in NamedModel.values:
        raise ValidationError(f"Unknown model {name!r}; models are {', '.join(NamedModel.values)}.")
    return model_document_build(model=name)
