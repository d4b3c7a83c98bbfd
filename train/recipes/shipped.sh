#!/usr/bin/env bash
# Weights like those that ship, from nothing. Those that ship began from the weights of the release before and had
# only the first of the two trainings below, for 1,950 steps: their teacher and second training are still to come.
#
#   train/recipes/shipped.sh NYU
#
# NYU: the folder or .mat file of NYUv2. BACKBONE=FILE names a backbone; otherwise torchvision downloads
# ImageNet's ResNet-18. EMPTY=DIR names a folder of pictures that are no rooms, made by `python -m train empty` from
# photographs and cut-outs; without it only drawn ones are used. MINUTES=N stops each training after so long; the
# same command goes on.
# Replaces assets/templates and assets/checkpoints.
set -euo pipefail
cd "$(dirname "$0")/../.."

PYTHON=${PYTHON:-python}
NYU=${1:?usage: train/recipes/shipped.sh NYU}
OUT=runs/shipped
EMPTY=${EMPTY:-data/empty}
COMMON=(--backbone "${BACKBONE:-imagenet}" --minutes "${MINUTES:-0}")
PLACES=("nyu:$NYU" rooms)

# Samples of the photographs (those of the rooms are bundled), and templates from both.
[[ -f data/samples/nyu-train.npz ]] || "$PYTHON" -m train place --data "nyu:$NYU" --split train --points 112
"$PYTHON" -m train templates --data "${PLACES[@]}"
[[ -d $EMPTY ]] || "$PYTHON" -m train empty --out "$EMPTY"

# The teacher sees the true pose; the main method learns from it.
"$PYTHON" -m train teacher "${COMMON[@]}" --data "${PLACES[@]}" --data-weights 3 2 --out $OUT/teacher --steps 2000

# First without teacher and self-training, until the feature map knows rooms; then the whole method.
WITH_EMPTY=(--data "${PLACES[@]}" "empty:$EMPTY" --data-weights 3 2 0.4 --negatives 0.15)
"$PYTHON" -m train scenepose "${COMMON[@]}" "${WITH_EMPTY[@]}" --out $OUT/first --steps 6000 --ema 0.995 \
    --freeze-stages 2 --distillation-weight 0 --no-self-training --adversarial-weight 0
"$PYTHON" -m train scenepose "${COMMON[@]}" "${WITH_EMPTY[@]}" --out $OUT/scenepose --steps 4000 \
    --init $OUT/first/best --freeze-stages 2 --teacher $OUT/teacher/best/teacher.safetensors

# Calibrate the scores, write the card.
"$PYTHON" -m train release --run $OUT/scenepose
