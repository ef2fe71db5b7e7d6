#!/bin/sh
# leakdrill proxy beside the real Toxiproxy, haproxy in TCP mode and a direct connection, taking turns in one run.
# Toxiproxy is built for this alone, into the scratch folder; haproxy is Debian's (apt install haproxy).
#
# usage: proxy_compare.sh BUILD_FOLDER [ROUNDS]
#   SCRATCH=FOLDER   where Toxiproxy, configurations and logs go, and stay; default: a folder that goes at the end
# Exit code: 0 measured, whatever the figures say; 3 something could not be started.
set -eu

build=$(cd "${1:?usage: proxy_compare.sh BUILD_FOLDER [ROUNDS]}" && pwd)
rounds=${2:-9}
version=v2.12.0 # of Toxiproxy

if [ -n "${SCRATCH:-}" ]; then
    mkdir -p "$SCRATCH"
    scratch=$(cd "$SCRATCH" && pwd)
else
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    trap 'exit 130' INT TERM
fi

toxiproxy="$scratch/toxiproxy-$version"
if [ ! -x "$toxiproxy" ]; then
    if GOBIN="$scratch" go install "github.com/Shopify/toxiproxy/v2/cmd/server@$version" >&2; then
        mv "$scratch/server" "$toxiproxy"
    else
        echo "skipped: toxiproxy (go install failed)"
        toxiproxy=-
    fi
fi

PATH="$PATH:/usr/sbin"
haproxy=$(command -v haproxy) || {
    echo "skipped: haproxy (not installed: apt install haproxy)"
    haproxy=-
}

"$build/bin/bench_proxy_compare" "$build/bin/leakdrill" "$toxiproxy" "$haproxy" "$scratch" "$rounds"
