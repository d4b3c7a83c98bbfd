#!/usr/bin/env bash
# Weights like those that ship, from nothing. Those that ship began from the weights of the release before and had
# only the first of the two trainings below, for 1,417 steps: their teacher and second training are still to come.
#
#   train/recipes/shipped.sh NYU
#
# NYU: the folder or .mat file of NYUv2. BACKBONE=FILE names a backbone; otherwise torchvision downloads
# ImageNet's ResNet-18. MINUTES=N stops each training after so long; the same command goes on.
# Replaces assets/templates and assets/checkpoints.
set -euo pipefail
cd "$(dirname "$0")/../.."

PYTHON=${PYTHON:-python}
NYU=${1:?usage: train/recipes/shipped.sh NYU}
OUT=runs/shipped
COMMON=(--data "nyu:$NYU" rooms --data-weights 3 2 --backbone "${BACKBONE:-imagenet}" --minutes "${MINUTES:-0}")

# Samples of the photographs (those of the rooms are bundled), and templates from both.
[[ -f data/samples/nyu-train.npz ]] || "$PYTHON" -m train place --data "nyu:$NYU" --split train --points 112
"$PYTHON" -m train templates --data "nyu:$NYU" rooms

# The teacher sees the true pose; the main method learns from it.
"$PYTHON" -m train teacher "${COMMON[@]}" --out $OUT/teacher --steps 2000

# First without teacher and self-training, until the feature map knows rooms; then the whole method.
"$PYTHON" -m train scenepose "${COMMON[@]}" --out $OUT/first --steps 6000 --warmup 100 --negatives 0.1 \
    --freeze-stages 2 --distillation-weight 0 --no-self-training --adversarial-weight 0
"$PYTHON" -m train scenepose "${COMMON[@]}" --out $OUT/scenepose --steps 4000 --negatives 0.1 \
    --init $OUT/first/best --freeze-stages 2 --teacher $OUT/teacher/best/teacher.safetensors

# Calibrate the scores, write the card.
"$PYTHON" -m train release --run $OUT/scenepose
