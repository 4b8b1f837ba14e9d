#!/usr/bin/env python3
"""The pricing engine side by side with what others use, in one interleaved run.

    bench/engine/compare.py FOLDER                  everything: install, build, make models, compare
    bench/engine/compare.py FOLDER --install-only   only what needs the network
    bench/engine/compare.py FOLDER --facets 50000 --rounds 1      a quick trial

FOLDER (outside the checkout) gets a virtual environment with the Python peers, the models and the
results. admesh and prusa-slicer come from apt, which wants to be root.

All contenders run in turns, round by round, so that whatever else the machine does hits all of
them. Each run is started only when all cores are idle (`/proc/stat`), waiting a limited time; runs
that had to start on a busy machine are counted and shown. Every file is in the page cache. What is
timed: ours, trimesh and MeshLib in process, from opening the file to volume, area, box, closed or
not, and shells (ours also counts edges); `cat`, admesh and prusa-slicer from start to end.
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import threading
import time
import zipfile
import zlib
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
PEERS = Path(__file__).resolve().parent / "peers"
PYTHON_PEERS = ["trimesh", "numpy", "scipy", "networkx", "meshlib"]
APT_PEERS = {"admesh": "admesh", "prusa-slicer": "prusa-slicer"}
# The command line tools take minutes above this, and no claim is made there.
LARGEST_FOR_TOOLS = 1_500_000
LONGEST_RUN = 300


def main():
    wanted = arguments()
    wanted.folder.mkdir(parents=True, exist_ok=True)
    if not wanted.no_install:
        install(wanted.folder)
    if wanted.install_only:
        return
    programs = build()
    models = make_models(programs, wanted)
    deadline = time.monotonic() + 60 * wanted.minutes
    results = {
        "machine": machine(),
        "commit": output(["git", "-C", str(CHECKOUT), "rev-parse", "HEAD"]).strip(),
        "comparisons": [compare(wanted, programs, facets, models, deadline) for facets in wanted.facets],
        "formats": formats(wanted, programs, deadline),
    }
    path = wanted.folder / "results.json"
    path.write_text(json.dumps(results, indent=1))
    print(report(results))
    print(f"\nAll runs: {path}")


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="where peers, models and results are kept")
    parser.add_argument("--install-only", action="store_true", help="install the peers and end")
    parser.add_argument("--no-install", action="store_true", help="take the peers that are there")
    parser.add_argument("--facets", type=numbers, default=[1_000_000, 5_000_000], metavar="N,N")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each contender (5)")
    parser.add_argument("--threads", type=int, default=2, help="threads of ours (2)")
    parser.add_argument("--minutes", type=float, default=12, help="no round begins later (12)")
    parser.add_argument("--patience", type=float, default=20, help="seconds to wait for idle cores (20)")
    parser.add_argument("--without", type=lambda text: text.split(","), default=[], metavar="NAME,NAME")
    parser.add_argument("--format-facets", type=int, default=1_000_000, help="0: leave formats out")
    return parser.parse_args()


def numbers(text):
    return [int(number) for number in text.split(",")]


# --- getting ready


def install(folder):
    python = folder / "venv/bin/python"
    if not python.exists():
        run([sys.executable, "-m", "venv", str(folder / "venv")])
    have = {line.split("==")[0].lower() for line in output([str(python), "-m", "pip", "freeze"]).split()}
    missing = [name for name in PYTHON_PEERS if name not in have]
    if missing:
        run([str(python), "-m", "pip", "install", "--quiet", *missing])
    missing = [package for tool, package in APT_PEERS.items() if not shutil.which(tool)]
    if missing:
        run(["apt-get", "update", "-q"])
        run(["apt-get", "install", "-y", "-q", "--no-install-recommends", *missing])


def build():
    examples = ["measure", "make_large_models"]
    chosen = [part for name in examples for part in ("--example", name)]
    run(["cargo", "build", "--release", "-p", "pricing", *chosen], cwd=CHECKOUT)
    target = Path(os.environ.get("CARGO_TARGET_DIR", CHECKOUT / "target"))
    return {name: str(target / "release/examples" / name) for name in examples}


def make_models(programs, wanted):
    folder = wanted.folder / "models"
    folder.mkdir(exist_ok=True)
    models = {}
    for facets in {*wanted.facets, *([wanted.format_facets] if wanted.format_facets else [])}:
        path = folder / f"torus_{facets}.stl"
        shuffled = folder / f"torus_{facets}_random.stl"
        if not (path.exists() and shuffled.exists()):
            run([programs["make_large_models"], str(folder), str(facets)])
        models[facets] = (path, shuffled)
    return models


# --- one run


class Contender:
    """A program; `how` is what its time means.

    itself   it measures itself and prints JSON
    told     the same, but it first gets ready and waits for a line on its input
    outside  from its start to its end
    """

    def __init__(self, name, how, *command):
        self.name, self.how, self.command = name, how, command

    def run(self, path, idle):
        if self.how != "told":
            busy = idle()
        start = time.perf_counter()
        process = subprocess.Popen(
            [*self.command, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        killer = threading.Timer(LONGEST_RUN, process.kill)
        killer.start()
        if self.how == "told":
            process.stdout.readline()
            busy = idle()
            process.stdin.write(b"go\n")
        process.stdin.close()
        text = process.stdout.read().decode(errors="replace")
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        killer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise RuntimeError(f"{self.name} ended with {process.returncode} on {path}")
        run = {"seconds": seconds, "peak_mb": usage.ru_maxrss / 1024, "busy": busy}
        if self.how != "outside":
            run["numbers"] = json.loads(text.strip().splitlines()[-1])
            run["seconds"] = run["numbers"]["total_s"]
        return run


def idle_gate(patience):
    """Waits until all cores did nothing for a fifth of a second; false when it became so."""

    def jiffies():
        fields = [int(field) for field in Path("/proc/stat").read_text().split("\n")[0].split()[1:9]]
        return sum(fields), fields[3] + fields[4]

    def wait():
        deadline = time.monotonic() + patience
        while True:
            before = jiffies()
            time.sleep(0.2)
            after = jiffies()
            total, idle = after[0] - before[0], after[1] - before[1]
            if idle >= 0.95 * total:
                return False
            if time.monotonic() > deadline:
                return True

    return wait


# --- the comparisons


def contenders(wanted, programs, facets):
    ours = [programs["measure"], "--threads", str(wanted.threads)]
    python = [str(wanted.folder / "venv/bin/python"), str(PEERS / "in_process.py")]
    all_of_them = [
        Contender("ours", "itself", *ours),
        Contender("ours, random order", "itself", *ours),
        Contender("ours, first stage", "itself", *ours, "--first-look"),
        Contender("cat", "outside", "sh", "-c", 'exec cat "$0" > /dev/null'),
        Contender("MeshLib", "told", *python, "meshlib"),
        Contender("trimesh", "told", *python, "trimesh"),
    ]
    if facets <= LARGEST_FOR_TOOLS:
        all_of_them += [
            # It finds the other facet of an edge in lists that are the longer the further apart
            # the two facets stand in the file: the order of facets is all the difference.
            Contender("admesh", "outside", "admesh"),
            Contender("admesh, random order", "outside", "admesh"),
            Contender("prusa-slicer", "outside", "prusa-slicer", "--info"),
        ]
    return [contender for contender in all_of_them if contender.name not in wanted.without]


def compare(wanted, programs, facets, models, deadline):
    ordered, shuffled = models[facets]
    idle = idle_gate(wanted.patience)
    running = contenders(wanted, programs, facets)
    runs = {contender.name: [] for contender in running}
    for number in range(wanted.rounds):
        if number > 0 and time.monotonic() > deadline:
            print(f"time is up after {number} rounds", file=sys.stderr)
            break
        for path in (ordered, shuffled):
            into_page_cache(path)
        for contender in running:
            path = shuffled if contender.name.endswith("random order") else ordered
            run = contender.run(path, idle)
            runs[contender.name].append(run)
            print(f"{facets} facets, round {number + 1}, {contender.name}: {run['seconds']:.3f} s"
                  f"{' (busy)' if run['busy'] else ''}", file=sys.stderr)
    return {"facets": facets, "bytes": ordered.stat().st_size, "runs": runs}


def formats(wanted, programs, deadline):
    """What the readers of the other formats do: the engine alone, reading and welding."""
    if not wanted.format_facets:
        return []
    stem = wanted.folder / "models" / f"torus_{wanted.format_facets}"
    files = [stem.with_suffix(suffix) for suffix in (".ascii.stl", ".obj", ".3mf")]
    if not all(file.exists() for file in files):
        python = str(wanted.folder / "venv/bin/python")
        run([python, str(PEERS / "make_formats.py"), f"{stem}.stl"])
    idle = idle_gate(wanted.patience)
    ours = Contender("ours", "itself", programs["measure"], "--threads", str(wanted.threads))
    measured = []
    for file in [Path(f"{stem}.stl"), *files]:
        into_page_cache(file)
        one = {"file": file.name, "bytes": file.stat().st_size, "runs": [], "inflate_s": []}
        for number in range(wanted.rounds):
            if number > 0 and time.monotonic() > deadline:
                break
            try:
                one["runs"].append(ours.run(file, idle))
            except RuntimeError as error:
                one["error"] = str(error)
                break
            if file.suffix == ".3mf":
                one["inflate_s"].append(inflated(file, one, idle))
        measured.append(one)
    return measured


def inflated(path, one, idle):
    """Seconds that zlib takes for the model inside an archive: nothing reads it faster."""
    with zipfile.ZipFile(path) as archive:
        part = max(archive.infolist(), key=lambda part: part.file_size)
        one["inflated_bytes"] = part.file_size
        offset = part.header_offset + 30 + len(part.filename.encode())
        packed = path.read_bytes()[offset : offset + part.compress_size]
    idle()
    start = time.perf_counter()
    zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed)
    return time.perf_counter() - start


# --- what is told


def report(results):
    text = ["", f"Machine: {results['machine']}; commit {results['commit'][:12]}"]
    for comparison in results["comparisons"]:
        text += ["", f"{comparison['facets']:,} facets, {comparison['bytes'] / 1e6:.0f} MB", ""]
        text += table(comparison["runs"])
    if results["formats"]:
        text += ["", "Readers (reading and welding)", ""]
        text += ["| file | MB | best s | MB/s | beside |", "|---|---:|---:|---:|---|"]
        text += [format_row(one) for one in results["formats"]]
    return "\n".join(text)


def table(runs):
    rows = ["| contender | best s | median s | / ours (best) | / ours (median) | peak MB | runs, on busy cores |",
            "|---|---:|---:|---:|---:|---:|---|"]
    best = {name: min(run["seconds"] for run in of) for name, of in runs.items()}
    middle = {name: statistics.median(run["seconds"] for run in of) for name, of in runs.items()}
    for name, of in runs.items():
        busy = sum(run["busy"] for run in of)
        rows.append(
            f"| {name} | {best[name]:.3f} | {middle[name]:.3f} | {best[name] / best['ours']:.2f} "
            f"| {middle[name] / middle['ours']:.2f} | {max(run['peak_mb'] for run in of):.0f} "
            f"| {len(of)}, {busy} |"
        )
    if "cat" in runs and "ours, first stage" in runs:
        best_of, median_of = (of["ours, first stage"] / of["cat"] for of in (best, middle))
        rows += ["", f"First stage / `cat`: {best_of:.2f} (best), {median_of:.2f} (median)"]
    return rows


def format_row(one):
    if not one["runs"]:
        return f"| {one['file']} | {one['bytes'] / 1e6:.0f} | | | {one.get('error', 'not run')} |"
    seconds = min(run["numbers"]["read_and_weld_s"] for run in one["runs"])
    beside = ""
    if one["inflate_s"]:
        inflate = min(one["inflate_s"])
        beside = f"zlib alone {inflate:.3f} s: {seconds / inflate:.2f} ×"
    return (f"| {one['file']} | {one['bytes'] / 1e6:.0f} | {seconds:.3f} "
            f"| {one['bytes'] / 1e6 / seconds:.0f} | {beside} |")


def machine():
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return f"{len(names)} × {names[0] if names else 'unknown'}"


# --- small things


def into_page_cache(path):
    with open(path, "rb", buffering=0) as file:
        room = bytearray(1 << 20)
        while file.readinto(room):
            pass


def run(command, **options):
    print("+", *command, file=sys.stderr)
    subprocess.run(command, check=True, **options)


def output(command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    main()
