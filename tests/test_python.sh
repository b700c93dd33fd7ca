#!/usr/bin/env bash
# The Python package: its own tests (python/tests) speak TAP, and need Python's standard library alone.
. "${SOURCE:?}/tests/cli.sh"
python=${PYTHON:-python3}
if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
    cd "$source/python" && PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$source/python "$python" -m tests
else
    skip "the Python package" "there is no python3 of version 3.10 or later"
    finish
fi
