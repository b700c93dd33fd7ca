#!/usr/bin/env python3
"""What was found, with numbers out of results/: findings.in -> doc/findings.md, answer.in -> README's first screen, and the
verdict of each claim -> results/verdicts.txt.

    doc/findings/make.py           writes them, and the figures of this folder
    doc/findings/make.py --check   exits with 1, and shows the lines, if one of them is not what results/ say

Numbers stand in the template as {{..}}:

    {{ID}}                   estimate of claim ID, with its interval: 1.04 (.94 to 1.16), or the range of its values: .99 .. 1.02
    {{ID:estimate}}          the estimate alone; also low, high, published, expected, runs, verdict, why, silent (of forecasts)
    {{table ID ID ..}}       a table of these claims; of all that begin so for `ID.`; {{table all}}: of all that are of the paper
    {{verdicts ID ID ..}}    how many of these claims, and of those that begin with `ID.`, have which verdict
    {{grid STUDY key ..}}    the runs of a study (with key=value: of such), and the range of these keys
    {{count VERDICT}}        how many claims have this verdict, of the paper's; {{count all}}: of all; {{count known}}: known errors
    {{runs key=value ..}}    how many runs results/ hold (of such)
    {{open}}                 a table of the claims that are open, the paper's and our own, with what would decide each
    {{cost}}                 a table of what the studies took, beside what `plan` had said (cost.csv, by sweep.py)

A line with a number that no run gives yet is left out. The program is build/plateau, or what PLATEAU names. No measurement is written by hand: another number in results/ is another number there."""
import csv
import difflib
import json
import math
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("PLATEAU", str(ROOT / "build/plateau"))
RESULTS = ROOT / "results"
FOLDER = ROOT / "doc/findings"
FIGURES = ("15", "reduced", "forecast")
UNKNOWN = "{unknown}"
MORE = "\nClaim by claim, with the commands that show it: [what was found](doc/findings.md).\n"
BEGIN, END = "<!-- answer: by doc/findings/make.py -->\n", "<!-- answer ends -->\n"


def ask(*words):
    """The objects that a command prints, one a line; its errors are ours."""
    out = subprocess.run([PROGRAM, *words, "--json"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if out.returncode not in (0, 1):
        sys.exit(f"make.py: {' '.join(words)}: {out.stderr.strip()}")
    return [json.loads(line) for line in out.stdout.splitlines()]


def number(x):
    """Three digits, as one writes them; more where they would make it 1, which it is not."""
    if x is None:
        return "-"
    if x and (abs(x) >= 1e5 or abs(x) < 1e-3):
        power = f"{x:.1e}".split("e")
        return f"{power[0]}e{int(power[1])}"
    text = f"{x:.3g}"
    if float(text) == 1:
        text = f"{x:.5g}"
    return f"{float(text):.0f}" if abs(x) >= 100 else text


def decimals(width):
    """So many that a width has one digit, or two if it begins with 1 or 2."""
    digits = math.ceil(-math.log10(width))
    return max(0, digits + (width * 10**digits < 3))


def measured(claim):
    """An estimate with its interval, 0.97 (0.95 to 1.01), or the range of all values, 0.97 .. 1.01, to the digits that it determines."""
    estimate, low, high = claim["estimate"], claim["low"], claim["high"]
    if claim["bound"] in ("lower", "upper"):
        end, word, to = (high, "most", "to") if claim["bound"] == "upper" else (low, "least", "from")
        return f"at {word} {number(estimate)}" + (f" ({to} {number(end)})" if end is not None else "")
    if estimate is None or low is None or number(low) == number(high):
        return number(estimate)
    if max(abs(low), abs(high)) >= 1e5 or max(abs(low), abs(high)) < 1e-3:
        ends = [number(low), number(high)]
    else:
        places = decimals(high - low if claim["spread"] == "range" else (high - low) / 2)
        edges = [claim["published"] - claim["tolerance"], claim["published"] + claim["tolerance"]]
        while places < 4 and any((round(x, places) < edge) != (x < edge) for x in (estimate, low, high) for edge in edges):
            places += 1  # rounded it would be on the other side of what is expected
        estimate, *ends = (re.sub(r"^-(0\.?0*)$", r"\1", f"{x:.{places}f}") for x in (estimate, low, high))
    return " .. ".join(ends) if claim["spread"] == "range" else f"{estimate} ({ends[0]} to {ends[1]})"


def verdict(claim):
    word = "open" if claim["verdict"] == "inconclusive" else claim["verdict"]
    return word + (f" ({claim['erratum']})" if claim["erratum"] and word == "deviates" else "")


def table(claims):
    rows = [f"| {c['id']} | {c['statement']} | {c['expected'].replace('+-', '±')} | {measured(c)} | {c['runs'] or ''} | {verdict(c)} |" for c in claims]
    return "\n".join(["| claim | statement | expected | here | runs | verdict |", "|---|---|---|---|---|---|", *rows])


def verdicts(claims):
    """3 reproduced, 2 deviate (E5, E9), 1 open."""
    if len(claims) == 1:
        return verdict(claims[0])
    errata = sorted({c["erratum"] for c in claims if c["verdict"] == "deviates" and c["erratum"]}, key=lambda name: int(name[1:]))
    words = [("reproduced", "reproduced", "reproduced", ""), ("deviates", "deviates", "deviate", f" ({', '.join(errata)})" if errata else ""), ("inconclusive", "open", "open", "")]
    counts = [(sum(c["verdict"] == name for c in claims), one, many, more) for name, one, many, more in words]
    return ", ".join(f"{n} {one if n == 1 else many}{more}" for n, one, many, more in counts if n)


def grid(study, keys):
    """16 runs, T 16 .. 64, d 8 .. 32; `optimizer=sgd` among the keys: of such runs."""
    chosen = [key.split("=") for key in keys if "=" in key]
    with (RESULTS / f"{study}.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if all(row[key] == value for key, value in chosen)]
    ranges = []
    for key in (key for key in keys if "=" not in key):
        values = sorted({float(row[key]) for row in rows if row[key]})
        ranges.append(f"{key} {number(values[0])}" + (f" .. {number(values[-1])}" if len(values) > 1 else ""))
    return f"{len(rows)} runs, {', '.join(ranges)}"


def count_runs(keys):
    """How many different runs results/ hold, with key=value: of such."""
    chosen, found = [key.split("=") for key in keys], set()
    for path in RESULTS.glob("*.csv"):
        with path.open(newline="") as file:
            found.update(row["hash"] for row in csv.DictReader(file) if all(row[key] == value for key, value in chosen))
    return str(len(found))


def of_the_paper(claim):
    return not claim["source"].startswith("doc/") and not claim["choice"]


def undecided(claims):
    """Those that are open, and why; the paper's first."""
    open_ones = [c for own in (False, True) for c in claims if of_the_paper(c) != own and not c["choice"] and c["verdict"] == "inconclusive"]
    rows = [f"| {c['id']} | {c['source']} | {c['statement']} | {c['expected'].replace('+-', '±')} | {measured(c)} | {c['why']} |" for c in open_ones]
    return "\n".join(["| claim | source | statement | expected | here | why it is open |", "|---|---|---|---|---|---|", *rows])


def minutes(seconds):
    return f"{float(seconds) / 60:.1f}"


def cost():
    """Per study: its runs, and what they took. Per sweep of sweep.py: what `plan` had said, and what it took."""
    rows, every = [], {}
    with (FOLDER / "cost.csv").open(newline="") as file:
        swept = {row["study"]: row for row in csv.DictReader(file)}  # the last scale of each
    for path in sorted(RESULTS.glob("*.csv")):
        with path.open(newline="") as file:
            took = {row["hash"]: float(row["wall_s"] or 0) / 60 for row in csv.DictReader(file)}
        every.update(took)
        one = swept.get(path.stem)
        said = f"{one['runs']}{'' if one['complete'] == 'yes' else ' (not done)'} | {minutes(one['planned_s'])} | {minutes(one['took_s'])} | {one['processor']}" if one else "| | |"
        rows.append(f"| {path.stem} | {len(took)} | {sum(took.values()):.1f} | {said} |")
    runs, planned, all_took = (sum(float(row[key]) for row in swept.values()) for key in ("runs", "planned_s", "took_s"))
    rows.append(f"| all, each run once | {len(every)} | {sum(every.values()):.1f} | {runs:.0f} | {minutes(planned)} | {minutes(all_took)} | |")
    return "\n".join(["| study | runs | minutes | swept | planned | took | processor |", "|---|---|---|---|---|---|---|", *rows])


def drawn(line):
    """Not a picture, or one that is there."""
    picture = re.match(r"!\[.*\]\((.*)\)", line)
    return not picture or (ROOT / "doc" / picture[1]).exists()


def draw():
    """The figures of which results/ have runs."""
    for name in FIGURES:
        out = subprocess.run([PROGRAM, "figure", name, "results", "--out", "build/findings", "--quiet"], cwd=ROOT, stderr=subprocess.PIPE, text=True)
        made = ROOT / f"build/findings/fig{name}.svg"
        if out.returncode == 0 and made.exists():
            (FOLDER / made.name).write_bytes(made.read_bytes())
        else:
            print(f"make.py: figure {name} is left out: {out.stderr.strip()}", file=sys.stderr)


def fill(text, claims):
    by_id = {claim["id"]: claim for claim in claims}

    def one(name):
        if name not in by_id:
            sys.exit(f"make.py: {{{{{name}}}}}: no claim has this id")
        return by_id[name]

    def named(names):
        """The claims of these names, and for a name with a dot at its end all that begin so."""
        found = [[c for c in claims if c["id"].startswith(name)] if name.endswith(".") else [one(name)] for name in names]
        if not all(found):
            sys.exit(f"make.py: {' '.join(names)}: a name that no claim begins with")
        return [claim for group in found for claim in group]

    def value(match):
        what = match[1]
        if what == "cost":
            return cost()
        words = what.split()
        if words[0] == "grid":
            return grid(words[1], words[2:])
        if words[0] == "verdicts":
            return verdicts(named(words[1:]))
        if words[0] == "runs":
            return count_runs(words[1:])
        if what == "open":
            return undecided(claims)
        if words[0] == "table":
            return table([c for c in claims if of_the_paper(c)] if words[1] == "all" else named(words[1:]))
        if what.startswith("count "):
            known = [c for c in claims if of_the_paper(c) and c["erratum"] and c["verdict"] == "deviates"]
            word = words[1]
            return str(len(known) if word == "known" else sum(word == "all" or (of_the_paper(c) and word in (c["verdict"], "paper")) for c in claims))
        name, _, field = what.partition(":")
        claim = one(name)
        if claim["estimate"] is None:
            return UNKNOWN
        if not field:
            return measured(claim)
        if field == "silent":
            return (re.search(r"\d+ of \d+ runs could not tell", claim["why"]) or ["0 runs could not tell"])[0].replace(" runs could not tell", "")
        return verdict(claim) if field == "verdict" else claim[field] if isinstance(claim[field], str) else number(claim[field])

    lines = [re.sub(r"\{\{([^}]+)\}\}", value, line) for line in text.splitlines()]
    return "".join(line + "\n" for line in lines if UNKNOWN not in line and drawn(line))


def main():
    check = sys.argv[1:] == ["--check"]
    if sys.argv[1:] and not check:
        sys.exit("make.py: expected nothing or --check")
    if not check:
        draw()
    claims = ask("compare", "results")
    answer = fill((FOLDER / "answer.in").read_text(), claims)
    readme = (ROOT / "README.md").read_text()
    before, rest = readme.split(BEGIN)
    made = {
        ROOT / "doc/findings.md": fill((FOLDER / "findings.in").read_text(), claims).replace("{answer}", answer.rstrip()),
        RESULTS / "verdicts.txt": "".join(f"{claim['id']} {claim['verdict']}\n" for claim in claims),
        ROOT / "README.md": before + BEGIN + answer + MORE + END + rest.split(END)[1],
    }
    differ = False
    for path, text in made.items():
        there = path.read_text() if path.exists() else ""
        if check:
            lines = list(difflib.unified_diff(there.splitlines(), text.splitlines(), str(path.relative_to(ROOT)), "results/ say", n=0, lineterm=""))
            differ = differ or bool(lines)
            print("\n".join(lines))
        else:
            path.write_text(text)
    sys.exit(1 if differ else 0)


main()
