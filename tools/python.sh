#!/bin/sh
# Runs the arguments with a Python of 3.11 or later: $PYTHON, else the first that really runs among the usual names.
for python in ${PYTHON:-python3 python3.13 python3.12 python3.11 python3.14 python}; do
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && exec "$python" "$@"
done
echo "make: Python 3.11 or later is needed; tried ${PYTHON:-python3, python3.11 ... python3.14, python}." \
  "Install it (https://www.python.org/downloads/), or name one: make PYTHON=/path/to/python3.12" >&2
exit 1
