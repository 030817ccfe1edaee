#!/bin/sh
# Measures the live loop on this machine, with nothing else running, in about 15 minutes:
#
#     benchmarks/results/measure_loop.sh MACHINE [MEDIAPIPE]
#     benchmarks/results/measure_loop.sh x86-64 .nox/peers/tmp/mediapipe/bin/python
#
# MACHINE names the files. MEDIAPIPE is the Python of an environment with mediapipe; the one that `nox --session peers`
# makes, for example. Instructions are counted where `sudo make test-v4l2` would run. The exit status is 3 where a bar
# is missed.
set -u
[ $# -ge 1 ] || { sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2; }
cd "$(dirname "$0")/../.." || exit 2
out=benchmarks/results status=0
python benchmarks/edge_speed.py --rounds 9 ${2:+--mediapipe "$2"} \
    --json "$out/loop-$1.json" --markdown "$out/loop-$1.md" || status=$?
python benchmarks/peers/inference.py --json "$out/inference-$1.json" --markdown "$out/inference-$1.md" || status=$?
{
    python benchmarks/edge_memory.py --frames 100000 || status=$?
    python benchmarks/edge_memory.py --frames 100000 --clients 4 || status=$?
    python benchmarks/edge_clients.py || status=$?
} > "$out/memory-$1.txt"
cat "$out/memory-$1.txt"
if [ "$(id -u)" = 0 ] && [ "$(uname -m)" = x86_64 ]; then
    make .devices/ready && .devices/venv/bin/python benchmarks/edge_instructions.py --against f0afbf2 \
        --json "$out/instructions-aarch64.json" --markdown "$out/instructions-aarch64.md" || status=$?
fi
exit $status
