#!/usr/bin/env python3
"""Holds the engine to what six independent programs agree on about 33 real models.

The models lie in Debian packages and are not ours to copy, so they are fetched (`apt-get download`, nothing is
installed), found by the hash of their content, analysed by `pricing/examples/analyse.rs` and compared with
`oracle.csv`: counts and flags always, volume and area to 1e-9 and the box where the volume is a fact. Ten more models,
whose licence allows it, lie in `pricing/tests/models` and are part of the test suite.

    python3 bench/oracle/compare.py [FOLDER]      # FOLDER: where packages are unpacked, about 700 MB
"""
import csv
import gzip
import hashlib
import json
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent.parent
SUFFIXES = {".stl", ".obj", ".off", ".ply", ".3mf", ".glb"}
COUNTS = {
    "facets": "facets",
    "boundary_edges": "boundary_edges",
    "nonmanifold_edges": "nonmanifold_edges",
    "badly_wound_edges": "badly_wound_edges",
    "zero_area_facets": "zero_area_facets",
    "shells": "shells_edge_connected",
    "shells_vertex": "shells_vertex_connected",
    "closed_oriented": "closed_oriented",
}
# In the table, corners of facets without area do not join shells (the rule is settled in ADR 14).
OTHER_RULE = {("Spider_ascii", "shells_vertex")}


def run(*command, **options):
    return subprocess.run(command, check=True, capture_output=True, text=True, **options)


def fetch(packages, folder):
    """Downloads and unpacks packages and sources, once."""
    sources = folder / "sources.list"
    lists = folder / "lists"
    (lists / "partial").mkdir(parents=True, exist_ok=True)
    site = run("apt-get", "indextargets", "--format", "$(SITE) $(RELEASE)", "Created-By: Packages")
    site, release = site.stdout.splitlines()[0].split()
    sources.write_text(f"deb-src {site} {release} main\n")
    apart = ["-o", f"Dir::Etc::sourcelist={sources}", "-o", "Dir::Etc::sourceparts=-",
             "-o", f"Dir::State::lists={lists}"]
    for package in sorted(packages):
        target = folder / package
        if target.exists():
            continue
        target.mkdir()
        name = package.removesuffix("(apt source)").removesuffix("(apt)")
        if package.endswith("(apt source)"):
            run("apt-get", *apart, "update")
            run("apt-get", *apart, "source", "--download-only", name, cwd=target)
        else:
            # The models of these came along with their documentation.
            run("apt-get", "download", {"yade": "yade-doc"}.get(name, name), cwd=target)
            for archive in target.glob("*.deb"):
                run("dpkg", "-x", archive, target)
        for archive in [*target.rglob("*.orig.tar.*"), *target.rglob("data.tar.gz")]:
            run("tar", "xf", archive, "-C", target)


def models(folder):
    """Every model file below the folder by the start of its SHA-256."""
    found = {}
    for path in folder.rglob("*"):
        packed = path.suffix == ".gz"
        if path.is_file() and (path.with_suffix("") if packed else path).suffix.lower() in SUFFIXES:
            content = gzip.decompress(path.read_bytes()) if packed else path.read_bytes()
            if packed:
                path = path.with_suffix("")
                path.write_bytes(content)
            found[hashlib.sha256(content).hexdigest()[:16]] = str(path)
    return found


def differences(row, answer):
    if "analysis" not in answer:
        yield answer.get("reason") or answer.get("error")
        return
    analysis = answer["analysis"]
    for ours, theirs in COUNTS.items():
        if (row["name"], ours) not in OTHER_RULE and int(analysis[ours]) != int(row[theirs]):
            yield f"{ours} is {analysis[ours]}, should be {row[theirs]}"
    if not row["verdict"].startswith("exact"):
        if answer["standing"]["standing"] == "exact":
            yield "is called exact"
        return
    if answer["standing"]["standing"] != "exact":
        yield f"is not called exact: {answer['standing']}"
    for ours, theirs in (("volume_mm3", "volume_ref"), ("area_mm2", "area_ref")):
        value, wanted = analysis[ours], abs(float(row[theirs]))
        if abs(value - wanted) > 1e-9 * wanted:
            yield f"{ours} is {value!r}, should be {wanted!r}"
    for axis, column in enumerate(("bbox_x", "bbox_y", "bbox_z")):
        value, wanted = analysis["bbox_mm"][axis], float(row[column])
        # The table rounds to the digits of single precision.
        if abs(value - wanted) > 1e-7 * wanted:
            yield f"{column} is {value!r}, should be {wanted!r}"


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path.home() / ".cache/mes/oracle")
    folder.mkdir(parents=True, exist_ok=True)
    with open(HERE / "oracle.csv", newline="") as table:
        rows = list(csv.DictReader(table))
    fetch({row["package"] for row in rows}, folder)
    known = models(folder)
    here = {known[row["sha256_16"]]: row for row in rows if row["sha256_16"] in known}
    build = ["cargo", "run", "--quiet", "--release", "-p", "pricing", "--example", "analyse", "--"]
    answers = map(json.loads, run(*build, *here, cwd=ROOT).stdout.splitlines())
    bad = 0
    for answer in answers:
        row = here[answer["file"]]
        faults = list(differences(row, answer))
        bad += bool(faults)
        standing = answer.get("standing", {}).get("standing", "refused")
        print(f"{row['name']:24} {standing:12} {'; '.join(faults) or 'as it should be'}")
    for row in rows:
        if row["sha256_16"] not in known:
            print(f"{row['name']:24} is not in this release's {row['package']}")
    print(f"{len(here)} models, {bad} differ")
    sys.exit(bad > 0 or not here)


if __name__ == "__main__":
    main()
