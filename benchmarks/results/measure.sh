#!/bin/sh
# Measures the reference figures on this machine, with nothing else running:
#
#     benchmarks/results/measure.sh MACHINE HELD_OUT RUN TUTORIAL
#     benchmarks/results/measure.sh pi-4 held_out runs/first runs/tutorial
#
# MACHINE names the files. HELD_OUT holds photos that were used neither for training nor for tuning, in folders named
# like red_dress. RUN is the run folder of the shipped bundle, TUTORIAL any run of the tutorial's recipe.
set -eu
[ $# -eq 4 ] || { sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 2; }
cd "$(dirname "$0")/../.."
out=benchmarks/results
fashion-bench --runtime litert --runtime onnx --photos "$2" --operators --sustained 60s --overwrite \
    --json "$out/shipped-$1.json" --markdown "$out/shipped-$1.md"
nox --session peers -- --run "$3" --tutorial-run "$4" --json "$out/peers-$1.json" --markdown "$out/peers-$1.md"
python benchmarks/peers/training_input.py --json "$out/training-input-$1.json" --markdown "$out/training-input-$1.md"
benchmarks/results/measure_loop.sh "$1" .nox/peers/tmp/mediapipe/bin/python
