#!/bin/sh
# Runs a script with the first Python of this machine that siyu can use: python.sh SCRIPT [ARGUMENT...]
# PYTHON names another one.
for candidate in $PYTHON python3.13 python3.12 python3.11 python3 python3.14; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        exec "$candidate" "$@"
    fi
done
echo "siyu needs Python 3.11 or newer: install it, or name it (make PYTHON=/path/to/python3 ...)." >&2
exit 1
