#!/usr/bin/env python3
"""Studies of results/ at a larger scale, one after another, and what each cost beside what `plateau plan` had said.

    doc/findings/sweep.py desk fig12 fig14 ..

For each study: the plan, then the sweep, in build/findings/results.db, which begins with results/. When the study is complete its
file in results/ holds the runs of that scale alone. Before that (a sitting ends with Ctrl-C, the next one goes on) the file holds
what is there. Each study has a row in cost.csv: what was planned when it began, and what the runs have taken since. Then
doc/findings/make.py says what the new results say."""
import csv
import datetime
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


def plateau(*words, good=(0,)):
    """What the program prints; its error is ours."""
    out = subprocess.run([PROGRAM, *map(str, words)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if out.returncode not in good:
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
        return {row["study"]: row for row in csv.DictReader(file)}


def write_costs(rows):
    with COST.open("w", newline="") as file:
        out = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        out.writeheader()
        out.writerows(rows[study] for study in sorted(rows))


def took(study, since):
    """Seconds of one core that the runs begun since then have taken."""
    rows = csv.DictReader(plateau("export", DB, "--study", study).splitlines())
    return sum(float(row["wall_s"] or 0) for row in rows if row["started"] >= since)


def keep(path, column, wanted):
    """The lines of a CSV file whose column is one of those wanted."""
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:1] + [line for line in lines[1:] if line.split(",")[column] in wanted]))


def put(study, hashes):
    """The study's file, and its curves, in results/; hashes: of the runs that stay, None: all of them."""
    out = WORK / "export"
    shutil.rmtree(out, ignore_errors=True)
    plateau("export", DB, "--out", out, "--quiet")
    if hashes:
        keep(out / f"{study}.csv", 1, hashes)
        ids = {line.split(",")[0] for line in (out / f"{study}.csv").read_text().splitlines()[1:]}
        if (out / f"curves/{study}.csv").exists():
            keep(out / f"curves/{study}.csv", 0, ids)
    for name in (f"{study}.csv", f"curves/{study}.csv"):
        if (out / name).exists():
            shutil.copy(out / name, RESULTS / name)


def sweep(scale, study):
    rows = costs()
    lines = [json.loads(line) for line in plateau("plan", study, "--scale", scale, "--db", DB, "--json").splitlines()]
    runs, plan = [line for line in lines if "hash" in line], lines[-1]
    row = rows.get(study)
    if not row or row["complete"] == "yes":
        row = dict(zip(COLUMNS, [study, scale, processor(), plan["jobs"], len(runs) - plan["there"], round(plan["work_s"]), 0, "no"]))
    since = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    try:
        code = subprocess.run([PROGRAM, "sweep", study, "--scale", scale, "--db", str(DB), "--quiet"], cwd=ROOT).returncode
    except KeyboardInterrupt:
        code = 130
    row["took_s"] = round(float(row["took_s"]) + took(study, since))
    row["complete"] = "yes" if code == 0 else "no"
    write_costs({**rows, study: row})
    put(study, {run["hash"] for run in runs} if code == 0 else None)
    return code


def main():
    if len(sys.argv) < 3:
        sys.exit("sweep.py: expected a scale and studies: doc/findings/sweep.py desk fig12")
    WORK.mkdir(parents=True, exist_ok=True)
    if not DB.exists():
        plateau("merge", DB, RESULTS, "--quiet")
    for study in sys.argv[2:]:
        code = sweep(sys.argv[1], study)
        if code:
            sys.exit(code)


main()
