# The Python package and its tests: no part of the build. pyproject.toml says how it is made into a package.
EXTRA_DIST += %D%/pyproject.toml %D%/plateau/__init__.py %D%/plateau/_commands.py %D%/plateau/_errors.py %D%/plateau/_program.py \
  %D%/plateau/_progress.py %D%/plateau/_recorder.py %D%/plateau/_results.py %D%/plateau/py.typed \
  %D%/tests/__init__.py %D%/tests/__main__.py %D%/tests/common.py %D%/tests/test_commands.py %D%/tests/test_recorder.py
