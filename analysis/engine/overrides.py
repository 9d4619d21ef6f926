"""Changed inputs of a model (INTERFACES.md, `overrides`): other priors, posteriors, strengths or timing, same rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .checks import midpoint_range
from .faults import Fault, ModelError, faults_of, written
from .spec import CausalSettings, HypothesisSpec, ModelDocument, Probability, Unit


class Overrides(BaseModel):
    """Numbers that take the place of a model's, by hypothesis code or influence key (`H2A>H4B`).

    `priors` are P(outcome A) before the evidence, `posteriors` after it (its uncertainty stays), `strengths` in [0, 1],
    `midpoints` calendar years.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    priors: dict[str, Probability] = {}
    posteriors: dict[str, Probability] = {}
    strengths: dict[str, Unit] = {}
    midpoints: dict[str, float] = {}
    strength_multiplier: Annotated[float, Field(ge=0, le=10)] | None = None


def with_overrides(document: ModelDocument, overrides: Mapping[str, Any]) -> ModelDocument:
    """The same model with other numbers, as a document of its own that can be stored and run again.

    A posterior sets mu = logit(p) and keeps sd (MODEL.md 1). Raises ModelError naming the path of every unknown key,
    hypothesis or influence, of numbers out of range, and of priors that a given posterior makes meaningless.
    """
    try:
        chosen = Overrides.model_validate(overrides)
    except ValidationError as error:
        found = faults_of(error)
    else:
        found = _check(document, chosen)
    if faults := [Fault(f"overrides.{path}".rstrip("."), message) for path, message in found]:
        raise ModelError(faults)
    return _applied(document, chosen)


def _check(document: ModelDocument, chosen: Overrides) -> Iterator[Fault]:
    for kind in ("priors", "posteriors", "midpoints"):
        yield from _unknown(kind, getattr(chosen, kind), "hypothesis", document.codes)
    yield from _unknown("strengths", chosen.strengths, "influence", tuple(e.key for e in document.influences))
    low, high = midpoint_range(document)
    for code, year in chosen.midpoints.items():
        if not low <= year <= high:
            yield Fault(f"midpoints.{code}", f"must lie in {low} to {high}, not {year:g}")
    for hypothesis in document.hypotheses:
        code, given = hypothesis.code, hypothesis.posterior_probability is not None
        if code in chosen.priors and (given or code in chosen.posteriors):
            yield Fault(f"priors.{code}", f"has no effect: the posterior of {code} is given")


def _unknown(kind: str, given: Mapping[str, float], noun: str, known: tuple[str, ...]) -> Iterator[Fault]:
    for name in given:
        if name not in known:
            listed = f"known are {', '.join(known)}" if known else "the model has none"
            yield Fault(f"{kind}.{written(name)}", f"unknown {noun}; {listed}")


def _applied(document: ModelDocument, chosen: Overrides) -> ModelDocument:
    fields = {
        "prior_probability": chosen.priors,
        "posterior_probability": chosen.posteriors,
        "midpoint_year": chosen.midpoints,
    }

    def moved(hypothesis: HypothesisSpec) -> HypothesisSpec:
        code = hypothesis.code
        return hypothesis.model_copy(update={field: by[code] for field, by in fields.items() if code in by})

    influences = tuple(
        influence.model_copy(update={"strength": chosen.strengths.get(influence.key, influence.strength)})
        for influence in document.influences
    )
    causal: CausalSettings = document.settings.causal_network
    if chosen.strength_multiplier is not None:
        causal = causal.model_copy(update={"strength_multiplier": chosen.strength_multiplier})
    return document.model_copy(
        update={
            "hypotheses": tuple(map(moved, document.hypotheses)),
            "influences": influences,
            "settings": document.settings.model_copy(update={"causal_network": causal}),
        }
    )
