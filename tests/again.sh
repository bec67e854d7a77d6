#!/bin/sh
# Run pytest; tests that failed run once more, one after the other: again.sh PYTHON -m pytest ...
# On a machine that does too much at once a test may fail for want of time. What is wrong fails by
# itself as well; what passes then is told, since a fault that comes and goes may hide in it.
set -u
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT

"$@" -o cache_dir="$folder"
code=$?
if [ "$code" -eq 1 ]; then
    printf '\nOnce more, by itself, each test that failed:\n'
    "$@" -o cache_dir="$folder" --last-failed --last-failed-no-failures none -n 0
    code=$?
    [ "$code" -eq 0 ] && echo "warning: passed by itself, and failed beside others (see above)"
fi
exit "$code"
