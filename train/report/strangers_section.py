"""Section of the model card: speakers that no network was trained on, and ordinary talk."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np

from train.data.protocols import LEFT_OUT, TEXT
from train.evaluation.summary import mean_and_std
from train.report.tables import Table, markdown, mean_std, table

Facts = Mapping[str, Any]

_CORPORA: Final = (
    "Protocol `all5`: each of five networks was trained without four actors of RAVDESS, fourteen"
    " speakers of CREMA-D and, three of the five, two speakers of nEMO, and is scored on them; other"
    " speakers of the same corpora were in training. UAR is over the emotions of the corpus, to which"
    " decisions are restricted; in brackets the 95 % interval over speakers (bootstrap of the first"
    " seed); chance is 1 in the number of emotions. Unrestricted: UAR if any of the eight emotions can"
    " be decided on, as in the daemon; clips that are taken for an emotion that the corpus lacks are"
    " errors. Arousal: how often a clip of an excited emotion has more arousal than one of a quiet"
    " emotion (AUC; chance is 0.5)."
)
_LEFT_OUT: Final = (
    f"Protocol `{LEFT_OUT}`: each corpus by a network that was trained on the other three, which have"
    " other microphones, other actors and mostly other languages. RAVDESS is scored on the six emotions"
    " of nEMO."
)
_TEXT: Final = (
    f"Protocol `{TEXT}`: each of ten networks was trained without four actors of RAVDESS, on one of its"
    " two sentences and on all other corpora, and is scored on the other sentence of these actors."
)
_UNTAUGHT: Final = " These networks learned from labels alone, without a teacher."
_NAMING: Final = (
    "An emotion is named if its probability is at least 0.35 and all probabilities together look unlike"
    " ordinary speech: a score in the card has to reach the lowest threshold at which ordinary speech is"
    " seldom given an emotion. For these figures score and thresholds were fitted on the other folds"
    " and on nine tenths of the orders, and measured on the remaining tenth, for five divisions into"
    " tenths. Who speaks the orders is not known. The limits of the fit were chosen by these figures,"
    " which are therefore a little too good."
)
_ORDERS: Final = "ordinary orders that are given an emotion"
_ANGER: Final = "events of anger in an hour of ordinary speech"
_STRONG_ANGER: Final = "strong anger of RAVDESS that is named anger"
_RIGHTLY: Final = "{}: clips with an emotion that are named rightly"
_GROUPS: Final[Mapping[str, str]] = {
    "RAVDESS": "50 %",
    "RAVDESS, strong": "70 %",
    "CREMA-D": "",
    "CREMA-D, listeners agree": "50 %",
}
"""Groups of ``train.evaluation.naming_shares`` and their goals."""


def strangers_section(runs: Sequence[Facts], protocols: Mapping[str, Sequence[Facts]]) -> str:
    """The section in Markdown; empty where no run has such figures.

    Args:
        runs: runs of a recipe, as ``run_metrics`` gives them, some with "strangers".
        protocols: runs of other protocols, as ``left_out_section`` takes them.
    """
    known = [run["strangers"] for run in runs if "strangers" in run]
    if not known:
        return ""
    return "\n\n".join(
        (
            "## People it never heard",
            _CORPORA,
            markdown(corpora_table(known)),
            *([left_out] if (left_out := left_out_section(protocols)) else []),
            "## Ordinary talk",
            _NAMING,
            _naming(known),
        )
    )


def stranger_rows(models: Sequence[Sequence[Facts]]) -> list[list[str]]:
    """Rows that compare models by what they make of people whom they never heard.

    Args:
        models: the runs of each model, as ``strangers_section`` takes them.

    Returns:
        A title and a cell for each model; no row if one of them has no such figures.
    """
    known = [[run["strangers"] for run in runs if "strangers" in run] for runs in models]
    if not all(known):
        return []
    first = known[0][0]
    rows = []
    for name, facts in first["corpora"].items():
        own = [[run["corpora"][name] for run in runs] for runs in known]
        rows.append([f"UAR, {facts['title']}", *(_mean(runs, "uar") for runs in own)])
    namings = [[run["naming"] for run in runs] for runs in known]
    ordinary = [[each["ordinary"] for each in runs] for runs in namings]
    rows += [
        [_ORDERS, *(_percent(runs, "named") for runs in ordinary)],
        [_ANGER, *(_mean(runs, "angry_per_hour") for runs in ordinary)],
        [_STRONG_ANGER, *(_percent(runs, "strong_anger") for runs in namings)],
    ]
    for group in first["naming"]["groups"]:
        own = [[each["groups"][group] for each in runs] for runs in namings]
        rows.append([_RIGHTLY.format(group), *(_percent(runs, "right") for runs in own)])
    return rows


def left_out_section(protocols: Mapping[str, Sequence[Facts]]) -> str:
    """A corpus or a sentence of which a network never heard anything, in Markdown; empty without any.

    Args:
        protocols: by name of the protocol its runs, as ``evaluate`` writes them.
    """
    parts = []
    if runs := protocols.get(LEFT_OUT):
        about = _LEFT_OUT + _untaught(runs)
        parts += ["### A corpus that it never heard", about, markdown(_with_mean(runs))]
    if runs := protocols.get(TEXT):
        about = _TEXT + _untaught(runs)
        parts += ["### A sentence that it never heard", about, markdown(corpora_table(runs))]
    return "\n\n".join(parts)


def _untaught(runs: Sequence[Facts]) -> str:
    """A sentence on networks that, unlike the shipped ones, had no teacher; empty for others."""
    return "" if all(run.get("has_teacher") for run in runs) else _UNTAUGHT


def _with_mean(runs: Sequence[Facts]) -> Table:
    """The table of the corpora, and their mean."""
    every = corpora_table(runs)
    names = ("uar", "plain_uar", "arousal_auc", "missed")
    means = [{name: _over_corpora(run, name) for name in names} for run in runs]
    missed = f"{np.mean([each['missed'] for each in means]):.1%}"
    averages = (_mean(means, name) for name in ("uar", "plain_uar"))
    last = ("mean", "", "", *averages, "", _mean(means, "arousal_auc"), "", missed)
    return replace(every, rows=(*every.rows, last))


def _over_corpora(run: Facts, name: str) -> float | None:
    """The mean of a figure over the corpora of a run; None where one of them has none."""
    values = [each[name] for each in run["corpora"].values()]
    return None if None in values else float(np.mean(values))


def corpora_table(known: Sequence[Facts]) -> Table:
    """The figures of each corpus.

    Args:
        known: of each seed, with "corpora" as ``train.evaluation.strangers.corpora_facts`` gives them.
    """
    rows = []
    for corpus, first in known[0]["corpora"].items():
        own = [each["corpora"][corpus] for each in known]
        low, high = first["interval"] or (first["uar"], first["uar"])
        rows.append(
            (
                first["title"],
                str(first["n_speakers"]),
                str(first["n_classes"]),
                f"{_mean(own, 'uar')} [{low:.3f}, {high:.3f}]",
                _mean(own, "plain_uar"),
                _mean(own, "agreed_uar") if "agreed_uar" in first else "",
                _mean(own, "arousal_auc"),
                _mean(own, "ece"),
                f"{sum(each['missed'] for each in own) / len(own):.1%}",
            )
        )
    columns = (
        "corpus",
        "speakers",
        "emotions",
        "UAR",
        "unrestricted",
        "where listeners agree",
        "arousal",
        "ECE",
        "missed",
    )
    return Table(columns=columns, rows=tuple(rows))


def _mean(own: Sequence[Facts], name: str) -> str:
    """The mean of a figure over the seeds; empty where one of them has none."""
    known = [each[name] for each in own if each[name] is not None]
    return mean_std(mean_and_std(known)) if len(known) == len(own) else ""


def _naming(known: Sequence[Facts]) -> str:
    shares = [each["naming"] for each in known]
    ordinary = [each["ordinary"] for each in shares]
    rows = [
        (_ORDERS, _percent(ordinary, "named"), "at most 5 %"),
        (_ANGER, _mean(ordinary, "angry_per_hour"), "at most 1"),
        (_STRONG_ANGER, _percent(shares, "strong_anger"), "70 %"),
    ]
    for group, goal in _GROUPS.items():
        if group in shares[0]["groups"]:
            own = [each["groups"][group] for each in shares]
            rows += [
                (_RIGHTLY.format(group), _percent(own, "right"), goal),
                (f"{group}: clips with an emotion that are named", _percent(own, "named"), ""),
            ]
    return table(("", "measured", "goal"), rows)


def _percent(own: Sequence[Facts], name: str) -> str:
    """The mean of a share over the seeds that have it; empty without any."""
    known = [each[name] for each in own if each[name] is not None]
    return f"{100 * sum(known) / len(known):.1f} %" if known else ""
