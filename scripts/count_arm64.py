"""Counts the instructions of serd on emulated processors of small boards.

A Debian arm64 system with the package of serd lies in a folder. Its Python runs under qemu-user with the
plug-in scripts/count_instructions.c: the bundled recording, the network alone, and the live pipeline of
``bench.counting``. Needs qemu-aarch64 with plug-ins (Debian 12: qemu-user) and a C compiler.

    python3 scripts/count_arm64.py ROOT [PROCESSOR...]
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

PROCESSORS: Final = {
    "cortex-a53": "Pi Zero 2 W and Pi 3",
    "cortex-a72": "Pi 4",
    "cortex-a76": "Pi 5",
}
"""The processors by qemu's names, and the boards that have them."""
_NUMBERS: Final = {"cortex-a53": "0xd03", "cortex-a72": "0xd08", "cortex-a76": "0xd0b"}
_CPUINFO: Final = """\
processor\t: {processor}
BogoMIPS\t: 38.40
Features\t: fp asimd evtstrm crc32 cpuid
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x0
CPU part\t: {part}
CPU revision\t: 4

"""
"""What Linux tells of a processor. The TFLite runtime chooses by it, and crashes at that of an x86."""
N_WINDOWS: Final = 10
LIVE_S: Final = 15.0
ROOT: Final = Path(__file__).resolve().parent.parent
_PROGRAM: Final = f"""
import os, sys
import soundfile
from serd.__main__ import main
from serd.audio.demo import DEMO_PATH
duration_s = soundfile.info(DEMO_PATH).duration
sys.argv[1:] = ["run", "--source", str(DEMO_PATH), "--fast", "--json"]
for _ in range(2):
    if main():
        sys.exit("serd run failed")
    os.getsid(0)
import numpy
from serd.model.runtime import ModelSettings, load_model
model = load_model(ModelSettings())
features = numpy.zeros((model.card.n_frames, model.card.feature_set.n_features), numpy.float32)
model.outputs(features)
os.getsid(0)
for _ in range({N_WINDOWS}):
    model.outputs(features)
os.getsid(0)
from bench.counting import Work
Work(5.0).run()
work = Work({LIVE_S})
os.getsid(0)
work.run()
os.getsid(0)
print("seconds:", duration_s, file=sys.stderr)
"""
"""Hears the bundled recording twice, so that nothing is loaded in the second; then the rest."""
_SECONDS: Final = re.compile(r"^seconds: ([\d.]+)$", re.MULTILINE)


def report(root: Path, plugin: Path, processor: str) -> str:
    """Run the program of an arm64 system on an emulated processor; return a line with the counts.

    Raises:
        RuntimeError: it fails.
    """
    (packages,) = (root / "opt/serd/lib").glob("python3.*")
    # The links of the virtual environment would lead out of the folder.
    python = root / "usr/bin" / packages.name
    out = plugin.parent / "counts"
    command = ["qemu-aarch64", "-cpu", processor, "-L", str(root), "-plugin", f"{plugin},out={out}"]
    command += [str(python), "-S", "-c", _PROGRAM]
    variables = {
        "PATH": os.environ["PATH"],
        "HOME": str(plugin.parent),
        "PYTHONPATH": f"/opt/serd/lib/{packages.name}/site-packages:{ROOT}",
        "PYTHONHOME": "/usr",
        "PYTHONHASHSEED": "0",
        "OPENBLAS_NUM_THREADS": "1",
        "SERD_MQTT_ENABLED": "false",
        "SERD_HISTORY_ENABLED": "false",
        "SERD_WEB_ENABLED": "false",
    }
    cpuinfo = root / "proc/cpuinfo"
    cpuinfo.write_text(
        "".join(_CPUINFO.format(processor=n, part=_NUMBERS[processor]) for n in range(4)), "utf-8"
    )
    try:
        done = subprocess.run(
            command, cwd=plugin.parent, env=variables, capture_output=True, text=True, check=False
        )
    finally:
        cpuinfo.unlink()
    counts = [int(each) / 1e6 for each in out.read_text("utf-8").split()]
    seconds = _SECONDS.search(done.stderr)
    if done.returncode or len(counts) != 6 or seconds is None:
        raise RuntimeError(f"{processor}: exit code {done.returncode}: {done.stderr[-1000:]}")
    first, second, before, after, live_before, live_after = counts
    again = second - first
    return (
        f"{processor} ({PROCESSORS[processor]}), millions of instructions:"
        f" start {first - again:.0f},"
        f" a second of the bundled recording {again / float(seconds[1]):.2f},"
        f" the network on one window {(after - before) / N_WINDOWS:.2f},"
        f" a second of live speech without the network {(live_after - live_before) / LIVE_S:.2f}"
    )


def main(root: Path, processors: list[str]) -> int:
    """Print the counts for each processor; the exit code."""
    with tempfile.TemporaryDirectory(prefix="serd-count-") as name:
        plugin = Path(name) / "count.so"
        source = Path(__file__).parent / "count_instructions.c"
        subprocess.run(["cc", "-O2", "-fPIC", "-shared", "-o", str(plugin), str(source)], check=True)
        for processor in processors:
            print(report(root, plugin, processor), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve(), sys.argv[2:] or list(PROCESSORS)))
