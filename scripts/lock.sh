#!/usr/bin/env bash
# Write requirements/*.txt: the versions and hashes of all packages of an environment, for pip and uv, for all systems
# and Python 3.11 or later. torch and its CUDA packages are left out: the Makefile installs the build that fits the machine.
set -euo pipefail
cd "$(dirname "$0")/.."
torch=$1
compile() {
  local out=requirements/$1.txt
  shift
  uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
    --constraint <(echo "$torch") "$@" |
    awk '/^[a-z]/ {skip = $0 ~ /^(torch|triton|nvidia-|cuda-)/} !skip' >"$out.part"
  mv "$out.part" "$out"
}
build=$(mktemp --suffix .in)
printf 'hatchling\neditables\n' >"$build" # what an editable install builds with
everything=(--extra evaluate --extra train --extra serve --extra recognisers --extra remote --extra ray --extra dev)
compile dev pyproject.toml "$build" "${everything[@]}"
compile base pyproject.toml --constraint requirements/dev.txt
compile study pyproject.toml "$build" --extra evaluate --extra train --constraint requirements/dev.txt
compile docs pyproject.toml "$build" "${everything[@]}" --extra docs --constraint requirements/dev.txt
rm "$build"
