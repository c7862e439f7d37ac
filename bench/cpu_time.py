"""Parts ``pipeline`` and ``stages``: CPU time per second of sound, with peers and lower bounds."""

from collections.abc import Sequence
from typing import Any, Final

from bench.candidates import LOWER_BOUNDS, PEERS, SERD, STAGES, TINY, TITLES
from bench.comparison import Comparison, Entry, compare
from bench.context import Context, Measurements
from bench.sound import talk
from bench.statistics import paired_ratios, summarize
from bench.tables import Section, Table, left_out, rounded, with_quartiles

MIXED: Final = "mixed"
TALK: Final = "talk"
_BEFORE: Final = " before"
"""Suffix of the name of a candidate that runs an earlier serd."""
_SOUNDS: Final = {
    MIXED: "speech, pauses and noise",
    TALK: "continuous speech, a window each second",
}
_LOWER_BOUND_OF: Final = {
    "voice": ("vad-alone",),
    "features": ("fft-alone", "filterbank-alone"),
    "model": ("litert",),
}


def measure_pipeline(context: Context) -> Measurements:
    """Measure serd, the peers and the parts of the lower bound in one comparison."""
    return _measure(context, [*SERD, TINY, *PEERS, *LOWER_BOUNDS], earlier=SERD)


def measure_stages(context: Context) -> Measurements:
    """Measure each stage and its lower bound in one comparison."""
    return _measure(context, [*STAGES, *LOWER_BOUNDS, "litert"], earlier=STAGES)


def _measure(context: Context, names: Sequence[str], *, earlier: Sequence[str]) -> Measurements:
    scene_s, n_passes = context.workload.scene_s, context.workload.n_passes
    entries = [Entry(label=name, name=name) for name in names]
    if context.before is not None:
        entries += [Entry(label=name + _BEFORE, name=name, checkout=context.before) for name in earlier]
    mixed = context.sound.scenes
    talks = [talk(scene_s, lead_s=0.5, pause_s=2.0)] * max(1, len(mixed) // 5)
    comparison = compare(
        entries, [*mixed, *talks], n_passes=n_passes, core=context.core, folder=context.folder
    )
    kinds = ([MIXED] * len(mixed) + [TALK] * len(talks)) * n_passes
    return {
        "left_out": comparison.left_out,
        "sounds": {kind: _summary(comparison, kinds, kind) for kind in (MIXED, TALK)},
    }


def _summary(comparison: Comparison, kinds: Sequence[str], kind: str) -> dict[str, Any]:
    """CPU milliseconds per second of one kind of sound, and the ratios to serd's own pipelines."""

    def chosen(values: Sequence[float]) -> list[float]:
        return [value for value, each in zip(values, kinds, strict=True) if each == kind]

    cpu_ms = {name: chosen(rounds.cpu_ms) for name, rounds in comparison.rounds.items()}
    bound_ms = [
        sum(each) for each in zip(*(cpu_ms[name] for name in (*LOWER_BOUNDS, "litert")), strict=True)
    ]
    summary: dict[str, Any] = {
        "cpu_ms": {name: summarize(values).to_json() for name, values in cpu_ms.items()},
        "floor_ms": summarize(bound_ms).to_json(),
        "n_per_s": {name: _mean(chosen(rounds.n_per_s)) for name, rounds in comparison.rounds.items()},
    }
    for own in SERD:
        if own in cpu_ms:
            others = {name: values for name, values in cpu_ms.items() if name != own}
            summary[f"ratios_to_{own}"] = {
                name: paired_ratios(values, cpu_ms[own]).to_json()
                for name, values in (others | {"floor": bound_ms}).items()
            }
    return summary


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def pipeline_section(measured: Measurements) -> Section:
    """The section of the report on the whole pipeline."""
    return Section(
        title="Pipeline",
        about="CPU milliseconds a second of sound, 1 s hop. The peers get the windows that serd cuts, so"
        " that finding speech is counted for serd alone; (b) runs the article's network in Keras, all"
        " others serd's own. The lower bound is (d) with webrtcvad, the FFTs and the filterbank's"
        " product, each alone, each frame once.",
        tables=[_pipeline_table(measured["sounds"][kind], _SOUNDS[kind]) for kind in _SOUNDS],
        notes=[
            *(
                f"{title}: {rounded(measured['sounds'][kind]['n_per_s']['serd-file'])} windows a second."
                for kind, title in _SOUNDS.items()
            ),
            *left_out(measured, TITLES),
        ],
    )


def _pipeline_table(measured: Measurements, title: str) -> Table:
    cpu_ms, ratios = measured["cpu_ms"], measured["ratios_to_serd-file"]
    names = [name for own in SERD for name in (own, own + _BEFORE) if name in cpu_ms]
    names += [name for name in (TINY, *PEERS) if name in cpu_ms]
    rows = [(_title(name), with_quartiles(cpu_ms[name]), _times(ratios.get(name))) for name in names]
    rows.append(("the lower bound", with_quartiles(measured["floor_ms"]), _times(ratios["floor"])))
    return Table(head=(title, "CPU ms a second", "times serd on files"), rows=tuple(rows))


def stages_section(measured: Measurements) -> Section:
    """The section of the report on the stages."""
    return Section(
        title="Stages",
        about="Microseconds of CPU a second of sound, in the blocks of 30 ms of a live source, each"
        " stage on the output of the one before it. The lower bound is the library alone on the same"
        " work.",
        tables=[_stages_table(measured["sounds"][kind], _SOUNDS[kind]) for kind in _SOUNDS],
        notes=left_out(measured, TITLES),
    )


def _stages_table(measured: Measurements, title: str) -> Table:
    cpu_ms = measured["cpu_ms"]
    has_before = any(name.endswith(_BEFORE) for name in cpu_ms)
    rows = []
    for name in STAGES:
        bounds = _LOWER_BOUND_OF.get(name, ())
        row = [TITLES[name], _microseconds(cpu_ms[name])]
        if has_before:
            earlier = cpu_ms.get(name + _BEFORE)
            row.insert(1, _microseconds(earlier) if earlier else "")
        alone = rounded(1e3 * sum(cpu_ms[each]["median"] for each in bounds)) if bounds else ""
        rows.append((*row, alone, ", ".join(TITLES[each] for each in bounds)))
    before = ("before, µs",) if has_before else ()
    return Table(head=(title, *before, "µs", "lower bound, µs", "which is"), rows=tuple(rows))


def _title(name: str) -> str:
    own = name.removesuffix(_BEFORE)
    return TITLES[own] + (", before" if name != own else "")


def _times(summary: Measurements | None) -> str:
    return with_quartiles(summary) if summary else "1"


def _microseconds(measured: Measurements) -> str:
    return with_quartiles({key: each if key == "n" else 1e3 * each for key, each in measured.items()})
