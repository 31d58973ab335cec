#!/bin/sh
# One photo, stage by stage: each command writes a file that the next one reads.
#
#     examples/pipeline.sh PHOTO MASK [N]
#
# MASK is a picture of the photo's size, white where something hides the face; N faces are made (8).
# Everything is written beside the photo; what a failed stage would have written is not there.
set -eu

if [ $# -lt 2 ]; then
    echo "usage: $0 PHOTO MASK [N]" >&2
    exit 2
fi
photo=$1 mask=$2 n=${3:-8}
name=${photo%.*}

facekit detect "$photo" --occlusion "$mask" -o "$name.landmarks.npz" --overlay "$name.landmarks.png" --force
facekit fit-3dmm "$photo" --occlusion "$mask" --landmarks "$name.landmarks.npz" \
    -o "$name.fit.npz" --overlay "$name.fit.png" --seed 1 --force
facekit diversify "$name.fit.npz" -n "$n" -o "$name.ensemble.npz" --seed 1 --force
facekit complete "$photo" --occlusion "$mask" --fit "$name.fit.npz" --ensemble "$name.ensemble.npz" \
    -n "$n" -o "$name.complete" --seed 1 --force
facekit render "$name.complete" --yaw 40 -o "$name.side.png" --force

echo "look at $name.complete/contact.png, and turn the faces in $name.complete/report.html"
