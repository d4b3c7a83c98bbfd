#!/usr/bin/env bash
# A trial of every step, to see that all of it works on this machine. Its weights are good for nothing.
#
#   train/recipes/trial.sh [NYU]
#
# NYU: the folder or .mat file of NYUv2; with it, placing people in photographs is tried, too.
# BACKBONE=FILE names a backbone; otherwise torchvision downloads ImageNet's ResNet-18.
set -euo pipefail
cd "$(dirname "$0")/../.."

PYTHON=${PYTHON:-python}
BACKBONE=${BACKBONE:-imagenet}
OUT=runs/trial
SMALL=(--data rooms --backbone "$BACKBONE" --frames 2 --points-per-frame 4 --view-size 96 --warmup 2
    --validate-every 4 --restart)

if [[ $# -gt 0 ]]; then
    "$PYTHON" -m train place --data "nyu:$1" --points 12 --limit 3 --parts $OUT/placed --out $OUT/samples
fi
"$PYTHON" -m train templates --data rooms --out $OUT/templates
"$PYTHON" -m train teacher "${SMALL[@]}" --templates $OUT/templates/picked.json --out $OUT/teacher \
    --steps 8 --validate-points 32
# Twelve steps, of which the second stage has seven.
"$PYTHON" -m train scenepose "${SMALL[@]}" --templates $OUT/templates/picked.json --out $OUT/scenepose \
    --teacher $OUT/teacher/best/teacher.safetensors --freeze-stages 3 --steps 12 --validate-points 40 \
    --refresh-points 60 --epoch-steps 3 --latest-switch 0.4
"$PYTHON" -m train baseline all --data rooms --encoder $OUT/scenepose/last --out $OUT/baselines \
    --frames 2 --points-per-frame 4 --steps 4 --warmup 1 --validate-every 4 --validate-points 32 --restart
"$PYTHON" -m train evaluate --data rooms:val --checkpoint $OUT/scenepose/last --methods scenepose \
    --limit 60 --out $OUT/evaluation
