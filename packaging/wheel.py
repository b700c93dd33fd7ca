#!/usr/bin/env python3
"""Packs an installed plateau as a Python wheel: wheel.py SOURCE PREFIX OUT. Prints the wheel's path.

The wheel holds what PREFIX holds, the Python package SOURCE/python/plateau if there is one, every shared library that the program
needs but glibc's own, and the licences of all that. Its platform tag names the oldest glibc that it runs on, as its symbols say.
packaging/wheel.sh makes PREFIX and tries what comes out. Standard library alone; asks ldd, readelf and dpkg-query.
"""
import base64
import hashlib
import os
import re
import subprocess
import sys
import time
import zipfile
from pathlib import Path

LIMIT = 60_000_000  # bytes; who downloads it may have a slow line
MACHINES = {62: "x86_64", 183: "aarch64"}  # e_machine of ELF
GLIBC_PACKAGES = {"libc6", "libc6-i386"}
COMMON_LICENSES = Path("/usr/share/common-licenses")

# The command. It does not import the package, which would take longer than most commands.
SCRIPT = b"""#!python
# Runs the program that this wheel brought.
import importlib.util
import os
import sys

found = importlib.util.find_spec("plateau")
for folder in (found.submodule_search_locations or ()) if found else ():
    program = os.path.join(folder, "bin", "plateau")
    if os.path.isfile(program):
        try:
            os.execv(program, sys.argv)
        except OSError as why:
            print(f"plateau: {program}: {why.strerror}; install the wheel again", file=sys.stderr)
            sys.exit(3)
print("plateau: its program does not lie beside the Python package plateau; install the wheel again", file=sys.stderr)
sys.exit(3)
"""

DESCRIPTION = """When does sparse attention emerge during training, and does theory say so? This wheel brings the command `plateau` with the
libraries that it needs, its studies, claims and man pages, and the Python package `plateau`.

    plateau reproduce theory        # verdicts and figures: report/index.html
    plateau help

Figures are drawn by gnuplot, which is not part of the wheel. Sweeps on many machines are split by --shard; MPI takes a build from source.
"""


class Refused(Exception):
    """What cannot be packed, as a message with a remedy."""


def output(*command):
    """What a command prints; it has to succeed."""
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, "LC_ALL": "C"}).stdout


def machine_of(program):
    """The wheel's name of the processor that an ELF file is for."""
    header = program.read_bytes()[:20]
    number = int.from_bytes(header[18:20], "little")
    if header[:4] != b"\x7fELF" or number not in MACHINES:
        raise Refused(f"{program}: wheels are made for Linux on {', '.join(MACHINES.values())}")
    return MACHINES[number]


def package_of(path):
    """The Debian package of a file. A merged /usr has every file under two names, one of which the package knows."""
    real = os.path.realpath(path)
    for name in (real, real.removeprefix("/usr"), "/usr" + real):
        found = subprocess.run(("dpkg-query", "-S", name), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
        if found.returncode == 0:
            return found.stdout.split(": ")[0].split(",")[0]
    raise Refused(f"{path}: no Debian package has this library, so that its licence is not known; build with the packages that ./bootstrap names")


def libraries_of(program):
    """{name: (path, package)} of all that the program loads but glibc's own."""
    libraries = {}
    for line in output("ldd", str(program)).splitlines():
        name, arrow, path = line.partition(" => ")
        if "not found" in path:
            raise Refused(f"{program}: {line.strip()}")
        if not arrow:
            continue  # the loader, the kernel's
        path = path.split(" (")[0]
        package = package_of(path)
        if package.split(":")[0] not in GLIBC_PACKAGES:
            libraries[name.strip()] = (Path(os.path.realpath(path)), package)
    for name in libraries:
        if name.startswith(("libmpi", "libopen-rte", "libopen-pal", "libpmix")):
            raise Refused(f"{name}: SUNDIALS is built with MPI here, which is no part of a wheel; make the wheel on Debian 12")
    return libraries


def glibc_of(files):
    """(2, n), the oldest glibc that has every symbol which the files want."""
    versions = set()
    for file in files:
        names = set(re.findall(r"\bGLIBC_([A-Z0-9_.]+)", output("readelf", "--version-info", "--wide", str(file))))
        if "PRIVATE" in names:
            raise Refused(f"{file}: it wants symbols that glibc keeps for itself, so that it runs with one glibc alone")
        versions |= {(2, 36) if name == "ABI_DT_RELR" else tuple(map(int, name.split(".")[:2])) for name in names}
    return max(versions)


def licences_of(libraries, source):
    """{name: bytes} of the licences, and a list of what comes from where."""
    files = {"LICENSE": (source / "LICENSE").read_bytes()}
    lines = ["plateau itself: LICENSE. The shared libraries in plateau/lib are files of these Debian packages, unchanged;",
             "their licences are in the folders of these names, and their sources are Debian's source packages of these versions.", ""]
    by_package = {}
    for name, (_, package) in sorted(libraries.items()):
        by_package.setdefault(package, []).append(name)
    for package, names in sorted(by_package.items()):
        plain = package.split(":")[0]
        version, origin, origin_version = output("dpkg-query", "-W", "-f", "${Version} ${source:Package} ${source:Version}", package).split()
        text = Path("/usr/share/doc", plain, "copyright")
        if not text.is_file():
            raise Refused(f"{text}: not there, so that the licence of {', '.join(names)} is not known; install {plain} again, with its documents")
        files[f"{plain}/copyright"] = text.read_bytes()
        lines.append(f"{', '.join(names)}: package {plain} {version}, source {origin} {origin_version}")
        for common in set(re.findall(rb"/usr/share/common-licenses/([A-Za-z0-9.-]*[A-Za-z0-9])", files[f"{plain}/copyright"])):
            path = COMMON_LICENSES / common.decode()
            if path.is_file():
                files[f"common-licenses/{common.decode()}"] = path.read_bytes()
    files["LIBRARIES"] = ("\n".join(lines) + "\n").encode()
    return files


def project(source):
    """The table [project] of the Python package; empty without one."""
    path = source / "python" / "pyproject.toml"
    if not path.is_file():
        return {}
    try:
        import tomllib
    except ImportError:
        raise Refused("python3: version 3.11 or later is needed to make a wheel") from None
    return tomllib.loads(path.read_text()).get("project", {})


def metadata(version, table):
    """METADATA; what the Python package needs is taken from its own description."""
    lines = ["Metadata-Version: 2.1", "Name: plateau", f"Version: {version}",
             "Summary: When does sparse attention emerge during training, and does theory say so?",
             "License: GPL-3.0-or-later; the libraries inside: see licenses/LIBRARIES", "Author: The plateau developers",
             f"Requires-Python: {table.get('requires-python', '>=3.9')}"]
    lines += [f"Classifier: {classifier}" for classifier in table.get("classifiers", [])]
    lines += [f"Requires-Dist: {need}" for need in table.get("dependencies", [])]
    for extra, needs in table.get("optional-dependencies", {}).items():
        lines.append(f"Provides-Extra: {extra}")
        for need in needs:
            what, _, marker = need.partition(";")
            condition = f"({marker.strip()}) and extra == '{extra}'" if marker else f"extra == '{extra}'"
            lines.append(f"Requires-Dist: {what.strip()} ; {condition}")
    return ("\n".join(lines) + "\nDescription-Content-Type: text/markdown\n\n" + DESCRIPTION).encode()


def tree(folder):
    """[(path below, file)] of the plain files in a folder."""
    return [(str(path.relative_to(folder)), path) for path in sorted(folder.rglob("*"))
            if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc"]


def contents(source, prefix, version, tag, libraries):
    """{name in the wheel: (bytes, executable)}; RECORD is missing."""
    info, data = f"plateau-{version}.dist-info", f"plateau-{version}.data"
    table = project(source)
    entries = {f"plateau/bin/plateau": ((prefix / "bin" / "plateau").read_bytes(), True), f"{data}/scripts/plateau": (SCRIPT, True)}
    if (source / "python" / "plateau").is_dir():
        entries.update((f"plateau/{name}", (path.read_bytes(), False)) for name, path in tree(source / "python" / "plateau"))
        entries["plateau/_version.py"] = (f'version = "{version}"\n'.encode(), False)  # which the package looks for
    entries.update((f"plateau/share/plateau/{name}", (path.read_bytes(), False)) for name, path in tree(prefix / "share" / "plateau"))
    for folder in ("man", "bash-completion", "zsh"):  # where man and shells look for them, beside the command
        entries.update((f"{data}/data/share/{folder}/{name}", (path.read_bytes(), False)) for name, path in tree(prefix / "share" / folder))
    entries.update((f"plateau/lib/{name}", (path.read_bytes(), False)) for name, (path, _) in libraries.items())
    entries.update((f"{info}/licenses/{name}", (text, False)) for name, text in licences_of(libraries, source).items())
    entries[f"{info}/METADATA"] = (metadata(version, table), False)
    entries[f"{info}/WHEEL"] = (f"Wheel-Version: 1.0\nGenerator: plateau {version}\nRoot-Is-Purelib: false\nTag: {tag}\n".encode(), False)
    return entries


def record(entries, info):
    """RECORD: the checksum and the size of each file."""
    def checksum(content):
        return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    lines = [f'{name if "," not in name else chr(34) + name + chr(34)},{checksum(content)},{len(content)}' for name, (content, _) in sorted(entries.items())]
    return ("\n".join(lines) + f"\n{info}/RECORD,,\n").encode()


def date_of(source):
    """The date of all files: that of the commit, so that the same sources give the same wheel."""
    seconds = os.environ.get("SOURCE_DATE_EPOCH")
    if not seconds:
        try:
            seconds = output("git", "-C", str(source), "log", "-1", "--format=%ct").strip()
        except (OSError, subprocess.CalledProcessError):  # no git, or a tarball
            seconds = time.time()
    return max(time.gmtime(int(float(seconds)))[:6], (1980, 1, 1, 0, 0, 0))


def pack(entries, path, date):
    """Writes the wheel, whole or not at all."""
    new = path.with_suffix(".new")
    with zipfile.ZipFile(new, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as wheel:
        for name, (content, executable) in sorted(entries.items(), key=lambda entry: (".dist-info/" in entry[0], entry[0])):
            item = zipfile.ZipInfo(name, date)
            item.external_attr = (0o100755 if executable else 0o100644) << 16
            item.compress_type = zipfile.ZIP_DEFLATED
            wheel.writestr(item, content)
    size = new.stat().st_size
    if size > LIMIT:
        new.unlink()
        raise Refused(f"{path.name}: {size} bytes are more than {LIMIT}; which library has grown? (ldd)")
    new.replace(path)


def main(source, prefix, out):
    program = prefix / "bin" / "plateau"
    version = output(str(program), "--version").split()[1]
    machine = machine_of(program)
    libraries = libraries_of(program)
    major, minor = glibc_of([program] + [path for path, _ in libraries.values()])
    tag = f"py3-none-manylinux_{major}_{minor}_{machine}"
    info = f"plateau-{version}.dist-info"
    entries = contents(source, prefix, version, tag, libraries)
    entries[f"{info}/RECORD"] = (record(entries, info), False)
    path = out / f"plateau-{version}-{tag}.whl"
    pack(entries, path, date_of(source))
    print(path)


if __name__ == "__main__":
    try:
        main(*map(Path, sys.argv[1:]))
    except Refused as why:
        print(f"wheel: {why}", file=sys.stderr)
        sys.exit(2)
