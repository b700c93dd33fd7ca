#!/usr/bin/env python3
"""Studies of results/ at a larger scale, one after another, and what each cost beside what `plateau plan` had said.

    doc/findings/sweep.py desk fig12 fig14 ..
    doc/findings/sweep.py desk fig3 T=128 d=16,32    these of its runs first, to go on another time

For each study: the plan, then the sweep, in build/findings/results.db, into which results/ are merged first. When the study is
complete its file in results/ holds the runs of that scale alone. Before that (a sitting ends with Ctrl-C, the next one goes on) it
holds all that is there. Each study has a row in cost.csv: what was planned when it began, and what its runs have taken since; runs
that are added to a study later add to its row. Then doc/findings/make.py says what the new results say."""
import csv
import json
import os
import pathlib
import platform
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("PLATEAU", str(ROOT / "build/plateau"))
RESULTS, COST, WORK = ROOT / "results", ROOT / "doc/findings/cost.csv", ROOT / "build/findings"
DB = WORK / "results.db"
COLUMNS = ["study", "scale", "processor", "jobs", "runs", "planned_s", "took_s", "complete"]


def plateau(*words):
    """What the program prints; its error is ours."""
    out = subprocess.run([PROGRAM, *map(str, words)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if out.returncode:
        sys.exit(f"sweep.py: plateau {' '.join(map(str, words))}: exit {out.returncode}")
    return out.stdout


def processor():
    said = {}
    cpuinfo = pathlib.Path("/proc/cpuinfo")
    for line in cpuinfo.read_text().splitlines() if cpuinfo.exists() else []:
        key, _, value = line.partition(":")
        said.setdefault(key.strip(), value.strip())
    return f"{said['model name']} ({said['cpu family']}/{said['model']})" if "model" in said else platform.machine()


def costs():
    with COST.open(newline="") as file:
        return {(row["study"], row["scale"]): row for row in csv.DictReader(file)}


def write_costs(rows):
    with COST.with_suffix(".new").open("w", newline="") as file:
        out = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        out.writeheader()
        out.writerows(rows[key] for key in sorted(rows))
    COST.with_suffix(".new").replace(COST)


def seconds(study):
    """What each run of the study took, by its hash."""
    rows = csv.DictReader(plateau("export", DB, "--study", study).splitlines())
    return {row["hash"]: float(row["wall_s"] or 0) for row in rows}


def keep(path, column, wanted):
    """The lines of a CSV file whose column is one of those wanted."""
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:1] + [line for line in lines[1:] if line.split(",")[column] in wanted]))


def put(study, hashes):
    """The study's file, and its curves, in results/; hashes: of the runs that stay, None: all of them."""
    out = WORK / "export"
    shutil.rmtree(out, ignore_errors=True)
    plateau("export", DB, "--out", out, "--quiet")
    runs, curves = f"{study}.csv", f"curves/{study}.csv"
    if hashes is not None:
        keep(out / runs, 1, hashes)
        if (out / curves).exists():
            keep(out / curves, 0, {line.split(",")[0] for line in (out / runs).read_text().splitlines()[1:]})
    for name in (runs, curves):
        if (out / name).exists():
            shutil.copy(out / name, RESULTS / name)


def run(*words):
    """The exit code. The program ends on Ctrl-C by itself, when it has saved what it has."""
    with subprocess.Popen([PROGRAM, *map(str, words)], cwd=ROOT) as process:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                pass


def sweep(scale, study, keys):
    rows = costs()
    lines = [json.loads(line) for line in plateau("plan", study, "--scale", scale, "--db", DB, "--json").splitlines()]
    hashes, plan = {line["hash"] for line in lines if "hash" in line}, lines[-1]
    row = rows.setdefault((study, scale), dict(zip(COLUMNS, [study, scale, processor(), plan["jobs"], 0, 0, 0, "yes"])))
    if plan["there"] < plan["runs"] and processor() not in row["processor"]:
        row["processor"] += " and " + processor()
    if row["complete"] == "yes" and plan["there"] < plan["runs"]:
        row.update(runs=int(row["runs"]) + plan["runs"] - plan["there"], planned_s=round(float(row["planned_s"]) + plan["work_s"]), complete="no")
        write_costs(rows)
    before = seconds(study)
    code = run("sweep", study, "--scale", scale, "--db", DB, "--quiet", *keys)
    whole = not code and not keys
    row["took_s"] = round(float(row["took_s"]) + sum(took for name, took in seconds(study).items() if name not in before))
    row["complete"] = "yes" if whole else "no"
    put(study, hashes if whole else None)
    write_costs({key: row for key, row in rows.items() if int(row["runs"])})
    return code


def main():
    if len(sys.argv) < 3:
        sys.exit("sweep.py: expected a scale and studies: doc/findings/sweep.py desk fig12")
    WORK.mkdir(parents=True, exist_ok=True)
    plateau("merge", DB, RESULTS, "--quiet")
    keys = [word for word in sys.argv[2:] if "=" in word]
    for study in [word for word in sys.argv[2:] if "=" not in word]:
        code = sweep(sys.argv[1], study, keys)
        if code:
            sys.exit(code)


main()
