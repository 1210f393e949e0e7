#!/bin/sh
# Clones the last commit into an empty folder and runs there what the build runs. Keeps the folder when it fails.
set -e
cd "$(dirname "$0")/.."
test -z "$(git status --porcelain)" || echo "Not committed, so not in the clone: $(git status --porcelain | wc -l) files."
clone=$(mktemp -d "${TMPDIR:-/tmp}/siyu-fresh.XXXXXX")
git clone --quiet . "$clone"
echo "Clean clone of $(git rev-parse --short HEAD) in $clone"
"$clone/.ci/run"
rm -rf "$clone"
