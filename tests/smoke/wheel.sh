#!/bin/sh
# The wheel, alone: installed with its locked dependencies into a new environment, run from an
# empty folder, without the checkout or any development dependency in reach.
set -eu
python=${1:-python3}
top=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
wheel=$(ls "$top"/dist/probe-*.whl)

"$python" -m venv "$work/venv" 2>/dev/null || {
    rm -rf "$work/venv"
    "$python" -m venv --without-pip "$work/venv"
    "$python" -m pip --python "$work/venv/bin/python" install -q pip
}
"$work/venv/bin/python" -m pip install -q --require-hashes -r "$top/requirements.lock"
"$work/venv/bin/python" -m pip install -q --no-deps "$wheel"
"$work/venv/bin/python" -m pip check

mkdir "$work/empty"
cd "$work/empty"
export PROBE_NET=loopback HOME="$work/home" XDG_DATA_HOME="$work/data" XDG_CONFIG_HOME="$work/config"
unset PROBE_STORE PYTHONPATH || true
probe="$work/venv/bin/probe"
$probe --help >/dev/null
$probe about --output json >about.json
$probe targets check
$probe run --dry-run --output json >plan.json
$probe doctor >doctor.txt
$probe demo --out here >demo.txt
test -s here/demo.html || ls here
grep -q "16:00" demo.txt
# without consent no packet is sent, and the exit code says so
code=0; $probe run >run.txt 2>&1 </dev/null || code=$?
test "$code" = 4 || { cat run.txt; echo "expected exit 4 without consent, got $code"; exit 1; }
echo "the wheel works on its own"
