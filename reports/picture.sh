#!/bin/sh
# The picture of README.md, remade: the board of a campaign's page and one of its runs, drawn by headless Chromium.
# usage: reports/picture.sh DATABASE RUN OUTPUT.png [HEIGHT]
# RUN is one of those that the page draws. The program is $LEAKDRILL, else `leakdrill`; the browser $CHROMIUM.
set -eu
[ $# -ge 3 ] || { sed -n '2,4s/^# //p' "$0" >&2; exit 4; }
database=$1 run=$2 output=$3 height=${4:-1400}
scratch=$(mktemp -d "${TMPDIR:-/tmp}/leakdrill-picture-XXXXXX")
trap 'rm -rf "$scratch"' EXIT
"${LEAKDRILL:-leakdrill}" report --format html --db "$database" --output "$scratch/report.html"
grep -q "id=\"run-$run\"" "$scratch/report.html" || { echo "the page does not draw run $run" >&2; exit 4; }
# A copy that shows less. The page's policy allows its own style only, so the copy has none.
only="main > section { display: none } section:has(#board), section:has(#runs) { display: block }
    .run:not(:has(#run-$run)), .run details, .run .scroll, #runs + p, .drawn ~ .drawn { display: none }
    body { max-width: none }"
sed -e '/http-equiv="Content-Security-Policy"/d' -e "s/<details class=\"run\">/<details class=\"run\" open>/" \
    -e "s|^</head>|<style>$(echo "$only" | tr '\n' ' ')</style></head>|" -e "s|</style>\$|&|" \
    "$scratch/report.html" >"$scratch/picture.html"
"${CHROMIUM:-chromium}" --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
    --disable-background-networking --disable-component-update --disable-sync --hide-scrollbars \
    --user-data-dir="$scratch/profile" --window-size="1100,$height" --screenshot="$scratch/picture.png" \
    "file://$scratch/picture.html" 2>"$scratch/log" || { cat "$scratch/log" >&2; exit 3; }
mv "$scratch/picture.png" "$output"
