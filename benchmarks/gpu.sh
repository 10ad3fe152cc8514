#!/bin/sh
# Trainings of the shipped recipes' sizes on one GPU, in at most six minutes: tokens or jets a second, and the peak of
# memory beside what `--dry-run` estimates. Weights are random and made here (23 GB in a temporary folder).
#
#   sh benchmarks/gpu.sh [FILE.json] [--tiny]
#
# Each part may fail by itself (such as flash without flash-attn); its file then says why. --tiny takes small shapes, which a
# processor can do too.
set -eu
cd "$(dirname "$0")/.."
out=gpu.json
tiny=
for word in "$@"; do
    case $word in
        --tiny) tiny=--tiny ;;
        *) out=$word ;;
    esac
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ends=$(($(date +%s) + 360))
python benchmarks/gpu.py prepare --work "$work" $tiny
for part in $(python benchmarks/gpu.py parts); do
    left=$((ends - $(date +%s)))
    if [ "$left" -le 5 ] && [ -z "$tiny" ]; then
        echo "$part: no time is left" >&2
        continue
    fi
    case $part in
        fsdp2) start="torchrun --nproc-per-node 1" ;;
        *) start=python ;;
    esac
    timeout "$([ -n "$tiny" ] && echo 600 || echo "$left")" $start benchmarks/gpu.py run "$part" --work "$work" $tiny || echo "$part was ended" >&2
done
python benchmarks/gpu.py report --work "$work" --json "$out"
