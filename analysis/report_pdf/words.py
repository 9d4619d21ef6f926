"""What a report says in words: the summary of a run, and the method with its limits."""

from __future__ import annotations

from collections.abc import Iterator

from analysis.models import AnalysisRun
from analysis.reports import Report
from analysis.wording import likelihood, percent, percent_range, precision

METHOD = (
    "Each of the questions has two outcomes. Every finding of the evidence base speaks for one of them, with a "
    "strength that curators have judged and a quality that follows from the authority of its source, its methodology, "
    "its replication and its age. Findings become weights of evidence (logarithms of Bayes factors); those that "
    "depend on each other are discounted, and all together turn the view before the evidence into a posterior.",
    "From the base year on, each outcome comes about around a year that experts have judged, with its uncertainty. "
    "Outcomes influence each other through a causal network, feedback included.",
    "The probability of each scenario, which is one outcome for every question, is worked out for each of many draws "
    "of all that is uncertain: the evidence, the dates, the strengths of influences and the model itself. The mean "
    "over the draws is the probability given here; the 90 % interval holds nine tenths of the draws.",
)
LIMITS = (
    "It does not know the future. It works out what a body of evidence and a set of judgements imply; nobody knows yet "
    "how well such results are calibrated.",
    "Scores are judgements, influences and dates too. They carry an uncertainty in the simulation; which influences "
    "exist does not.",
    "It sees only what was entered: what nobody published, searched for or added counts for nothing.",
    "Each question has two outcomes. What lies between them, and what no question asks about, has no place.",
    "Intervals hold within the model. They do not cover the chance that the model itself is wrong.",
    "Where two intervals overlap much, the order of two scenarios says next to nothing.",
)


def finding(report: Report) -> str:
    """The sentence that answers the question."""
    return f"Most likely in {report.target_year}: {', '.join(report.outcomes)}"


def summary(report: Report) -> Iterator[str]:
    """What came out, a sentence or two for each part."""
    first, year = report.likeliest, report.target_year
    yield (
        f"The model finds {first.title or first.code} the likeliest of {report.number} scenarios, at "
        f"{percent(first.estimate.mean)} (90 % interval {percent_range(first.estimate.low, first.estimate.high)}). "
        f"The {len(report.scenarios)} likeliest come to {percent(report.together)} together."
    )
    for row in sorted(report.clusters, key=lambda row: -row.estimate.mean):
        yield (
            f"{row.name} ({row.scenarios} scenarios): {percent(row.estimate.mean)} in {year}, 90 % interval "
            f"{percent_range(row.estimate.low, row.estimate.high)}; {likelihood(row.estimate.mean)}."
        )
    for question in report.hypotheses:
        chance = question.estimate if question.estimate.mean >= 0.5 else question.estimate.complement
        yield (
            f"{question.label or question.code}: {question.likelier or question.code} is {likelihood(chance.mean)}, at "
            f"{percent(chance.mean)} (90 % interval {percent_range(chance.low, chance.high)})."
        )
    facts = report.facts
    state = "has converged" if facts["converged"] else "has not converged"
    yield (
        f"The computation {state}: after {facts['iterations']:,} iterations every mean probability is known within "
        f"{precision(facts['max_half_width'])}, which is not the uncertainty of the future but of the arithmetic."
    )


def question(run: AnalysisRun) -> str:
    """What was asked of the model."""
    chosen, labels = run.model_document["run"], {row["code"]: row for row in run.model_document["hypotheses"]}
    parts = []
    for kind, words in (("interventions", "if it is made so that"), ("observations", "if we learn that")):
        for each in chosen[kind]:
            outcome = labels[each["hypothesis"]]["outcome_a" if each["outcome"] == "A" else "outcome_b"]
            parts.append(f"{words} “{outcome or each['hypothesis']}” holds from {each['from_year']} on")
    supposed = f", {', and '.join(parts)}" if parts else ", given the evidence"
    return f"Which futures of artificial intelligence are how likely{supposed}?"
