#!/bin/sh
# The tests on real packets in two labs at once, for they wait more than they work: downloads and
# hops in one, all others in the other, which takes about as long. Called by `make test-netns` as
# two_labs.sh BIN MARKS; ends with 0 when every test that was asked for passed.
set -u
bin=$1 marks=$2 folder=tests/netns
first="test_goodput_netns.py test_goodput_store.py test_trace_hops.py"

in_lab() { # in the place of the shell that calls it, so that a signal reaches the lab
    exec "$bin/probe" lab up --world small --server "$bin/python $PWD/$folder/own_server.py" none -- \
        "$bin/python" -m pytest -q -m "$marks" --timeout 600 "$@"
}

files='' others=''
for file in $first; do
    files="$files $folder/$file"
    others="$others --ignore=$folder/$file"
done

said=$(mktemp)
in_lab $files >"$said" 2>&1 &
beside=$!
trap 'kill "$beside" 2>/dev/null; wait "$beside"; rm -f "$said"; exit 130' INT TERM # it hears no Ctrl-C
(in_lab "$folder" $others)
here=$?
wait "$beside"
there=$?
trap - INT TERM
cat "$said"
rm -f "$said"

# 5 is pytest's word for "no test of these marks", which one of the two may say
case "$here $there" in
    "0 0" | "0 5" | "5 0") exit 0 ;;
    *) exit 1 ;;
esac
