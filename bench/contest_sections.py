"""Sections of the report on contests over CPU time."""

from collections.abc import Mapping
from typing import Any, Final

from bench.contestants import PEERS, SERD, STAGES, TINY, TITLES
from bench.pipeline import BEFORE, MIXED, TALK
from bench.table import Section, Table
from bench.wording import number, with_spread

Body = Mapping[str, Any]

_SOUNDS: Final = {
    MIXED: "speech, pauses and noise",
    TALK: "speech without cease, a window each second",
}
_FLOOR_OF: Final = {
    "voice": "vad-alone",
    "features": ("fft-alone", "filterbank-alone"),
    "model": "litert",
}


def pipeline_section(figures: Body) -> Section:
    """The daemon's pipeline beside its peers."""
    return Section(
        title="Pipeline",
        about="CPU milliseconds a second of sound, 1 s hop. The peers are given the windows that serd"
        " cuts, so that finding speech is counted for serd alone; (b) runs the article's network in"
        " Keras, all others serd's own. The floor is (d) with webrtcvad, the FFTs and the filterbank's"
        " product, each alone, each frame once.",
        tables=[_pipeline_table(figures["sounds"][kind], _SOUNDS[kind]) for kind in _SOUNDS],
        notes=[
            *(
                f"{title}: {number(figures['sounds'][kind]['n_per_s']['serd-file'])} windows a second."
                for kind, title in _SOUNDS.items()
            ),
            *_left_out(figures),
        ],
    )


def _pipeline_table(figures: Body, title: str) -> Table:
    cpu_ms, ratios = figures["cpu_ms"], figures["ratios_to_serd-file"]
    names = [name for own in SERD for name in (own, own + BEFORE) if name in cpu_ms]
    names += [name for name in (TINY, *PEERS) if name in cpu_ms]
    rows = [(_title(name), with_spread(cpu_ms[name]), _times(ratios.get(name))) for name in names]
    rows.append(("the floor", with_spread(figures["floor_ms"]), _times(ratios["floor"])))
    return Table(head=(title, "CPU ms a second", "times serd on files"), rows=tuple(rows))


def stages_section(figures: Body) -> Section:
    """The pipeline's stages, each beside its floor."""
    return Section(
        title="Stages",
        about="Microseconds of CPU a second of sound, in the blocks of 30 ms of a live source, each"
        " stage on what the one before it gave; beside it what the library alone takes for the"
        " same work.",
        tables=[_stages_table(figures["sounds"][kind], _SOUNDS[kind]) for kind in _SOUNDS],
        notes=_left_out(figures),
    )


def _stages_table(figures: Body, title: str) -> Table:
    cpu_ms = figures["cpu_ms"]
    has_before = any(name.endswith(BEFORE) for name in cpu_ms)
    rows = []
    for name in STAGES:
        floors = _FLOOR_OF.get(name, ())
        floors = (floors,) if isinstance(floors, str) else floors
        row = [TITLES[name], _microseconds(cpu_ms[name])]
        if has_before:
            earlier = cpu_ms.get(name + BEFORE)
            row.insert(1, _microseconds(earlier) if earlier else "")
        alone = number(1e3 * sum(cpu_ms[each]["median"] for each in floors)) if floors else ""
        rows.append((*row, alone, ", ".join(TITLES[each] for each in floors)))
    before = ("before, µs",) if has_before else ()
    return Table(head=(title, *before, "µs", "floor, µs", "which is"), rows=tuple(rows))


def variants_section(figures: Body) -> Section:
    """Hops and lengths of windows."""
    rows = tuple(
        (name, number(figures["windows_per_s"][name]), with_spread(each))
        for name, each in figures["cpu_ms"].items()
    )
    return Section(
        title="Other hops and windows",
        about="Speech without cease, as a file gives it. The length of a window is the model's: for each"
        " a network of the same shape was made, untrained.",
        tables=[Table(head=("", "windows a second", "CPU ms a second of sound"), rows=rows)],
        notes=_left_out(figures),
    )


def _title(name: str) -> str:
    own = name.removesuffix(BEFORE)
    return TITLES[own] + (", before" if name != own else "")


def _times(figures: Body | None) -> str:
    return with_spread(figures) if figures else "1"


def _microseconds(figures: Body) -> str:
    return with_spread({key: each if key == "n" else 1e3 * each for key, each in figures.items()})


def _left_out(figures: Body) -> list[str]:
    return [
        f"Left out, {TITLES.get(name, name)}: {reason}."
        for name, reason in figures.get("left_out", {}).items()
    ]
