#!/usr/bin/env bash
# The seven compared methods on the encoder that ships, and the tables of all eight.
#
#   train/recipes/compared.sh NYU
#
# NYU: the folder or .mat file of NYUv2, whose training samples `python -m train place` has made.
# MINUTES=N stops the training after so long; the same command goes on.
set -euo pipefail
cd "$(dirname "$0")/../.."

PYTHON=${PYTHON:-python}
NYU=${1:?usage: train/recipes/compared.sh NYU}
OUT=runs/baselines
DATA=(--data "nyu:$NYU" rooms --data-weights 3 2)

# All in one pass: a picture is encoded once and feeds the losses of each. vae30 is for the tables only.
"$PYTHON" -m train baseline all vae30 "${DATA[@]}" \
    --out $OUT --steps 4000 --minutes "${MINUTES:-0}"
"$PYTHON" -m train release-baselines --run $OUT

# What an encoder of their own brings; for the tables only, too.
for METHOD in regression heatmap; do
    "$PYTHON" -m train baseline $METHOD --finetune --init assets/checkpoints "${DATA[@]}" \
        --out $OUT/$METHOD-finetuned --steps 500
done

# The tables, the figure of three scenes, and the figures of the documentation.
"$PYTHON" -m train evaluate --data "nyu:$NYU:test" --methods all --out runs/test-photographs
"$PYTHON" -m train evaluate --data rooms:test --limit 2000 --methods all --out runs/test-rooms
"$PYTHON" -m train compare
"$PYTHON" -m train docs --photographs runs/test-photographs/results.json --rooms runs/test-rooms/results.json
