#!/bin/sh
# Rewrites the hash-pinned requirements. Hashes are kept, addresses are not.
set -eu
uv=$(realpath "$(command -v "${1:-uv}")")
cd "$(dirname "$0")"
compile() {
    "$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-header --no-annotate --no-emit-index-url --no-emit-find-links "$@"
}
compile bootstrap.in -o bootstrap.txt
compile dev.in -o dev.txt
compile generator.in -o generator.txt
compile -c dev.txt oracle.in -o oracle.txt
compile -c dev.txt runtime.in -o runtime.txt
