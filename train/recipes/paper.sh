#!/usr/bin/env bash
# The method to the letter of the paper, as far as the paper says: one row to compare with.
#
#   train/recipes/paper.sh NYU
#
# NYU: the folder or .mat file of NYUv2, whose training samples `python -m train place` has made.
# BACKBONE=FILE names a backbone; otherwise torchvision downloads ImageNet's ResNet-18. MINUTES=N stops each
# training after so long; the same command goes on.
set -euo pipefail
cd "$(dirname "$0")/../.."

PYTHON=${PYTHON:-python}
NYU=${1:?usage: train/recipes/paper.sh NYU}
OUT=runs/paper

COMMON=(
    --data "nyu:$NYU" rooms
    --backbone "${BACKBONE:-imagenet}"
    --view-size 224           # S
    --offset-range 0.5        # offsets lie in [-0.5, 0.5]
    --assign shape            # a pose's template is the nearest one by shape
    --frames 8 --points-per-frame 2   # hardly two crops of one picture in a batch
    --minutes "${MINUTES:-0}"
)
"$PYTHON" -m train teacher "${COMMON[@]}" --out $OUT/teacher --steps 2000

METHOD=(
    --teacher $OUT/teacher/best/teacher.safetensors
    --teacher-share 1         # every point is distilled
    --views pixels            # every point's three views are cropped from the picture and encoded
    --no-tell-position        # the network does not know where in the picture a point lies
    --scores pooled           # compatibility from the pooled feature map
    --positions detr          # positional encoding as in MaskFormer
    --targets nearest         # one positive template, until the second stage adds more
    --scales nearest          # only that template learns its scale
    --scale-error absolute    # the squared error of the scale itself
    --pos-weight 1            # positives and negatives weigh the same
    --threshold 0.7           # score from which a template becomes positive in the second stage
    --stable 0.005            # training ends when fewer labels change
    --surfaces 0 --surface-weight 0
    --no-hidden-joints --hidden-weight 0
)
"$PYTHON" -m train scenepose "${COMMON[@]}" "${METHOD[@]}" --out $OUT/scenepose --steps 4000

for SOURCE in "nyu:$NYU:test" rooms:test; do
    "$PYTHON" -m train evaluate --data "$SOURCE" --checkpoint $OUT/scenepose/best --methods scenepose \
        --limit 2000 --out "$OUT/evaluation-${SOURCE%%:*}"
done
