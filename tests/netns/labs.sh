#!/bin/sh
# The tests on real packets in three labs at once, for they wait more than they work: downloads and
# hops in one, the whole catalog in one, all others in the third; each takes a few minutes. Called by
# `make test-netns` as labs.sh BIN MARKS; ends with 0 when every test that was asked for passed.
set -u
bin=$1 marks=$2 folder=tests/netns
timed="$folder/test_goodput_netns.py $folder/test_goodput_store.py $folder/test_trace_hops.py"
catalog="$folder/test_catalog_whole.py"

in_lab() { # in the place of the shell that calls it, so that a signal reaches the lab
    exec "$bin/probe" lab up --world small --server "$bin/python $PWD/$folder/own_server.py" none -- \
        ${AGAIN:-} "$bin/python" -m pytest -q -m "$marks" --timeout 600 "$@"
}

good() { # 5 is pytest's word for "no test of these marks"
    [ "$1" -eq 0 ] || [ "$1" -eq 5 ]
}

others=''
for file in $timed $catalog; do
    others="$others --ignore=$file"
done

said=$(mktemp -d)
in_lab $timed >"$said/timed" 2>&1 &
first=$!
in_lab -rP $catalog >"$said/catalog" 2>&1 &
second=$!
stop() { # they hear no Ctrl-C
    kill "$first" "$second" 2>/dev/null
    wait "$first" "$second"
    rm -r "$said"
    exit 130
}
trap stop INT TERM
(in_lab "$folder" $others)
third=$?
wait "$first"
first=$?
wait "$second"
second=$?
trap - INT TERM
cat "$said/timed" "$said/catalog"
rm -r "$said"

if [ "$first $second $third" = "5 5 5" ]; then
    exit 1
fi
good "$first" && good "$second" && good "$third"
