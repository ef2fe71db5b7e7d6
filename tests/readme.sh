#!/bin/sh
# The commands of README.md do what it says. usage: readme.sh SOURCE-FOLDER BUILD-FOLDER
#
# Every line of its ```sh blocks is run, in order, in a scratch folder with the built leakdrill on PATH. The folder has
# the ```yaml blocks as files, by the name in their first line, and links to what the commands name of the source.
# "# exits with N" behind a command is the exit code it must have, 0 without. Commands that set up or build would build
# while being built, so they are replaced, by words that say by what:
#   ./quickstart run      what it does after set-up: leakdrill run, cut down to one cell of each variant and one run,
#                         or with the arguments that are there
#   ./quickstart test     ./quickstart help: that it knows the command
#   leakdrill run scenarios/…  leakdrill plan, with the same arguments: they take minutes
#   leakdrill new-…       the same on a copy of the source tree, in place of the one that is being tested
#   cmake, ctest          a look whether CMakePresets.json has the preset
set -eu
source=$1
build=$2
fixtures=$build/fixtures/fixtures.json

if [ ! -f "$fixtures" ]; then
    echo "skipped: the Go programs are not built (no $fixtures)"
    exit 77
fi
scratch=$(mktemp -d "${TMPDIR:-/tmp}/leakdrill-readme-XXXXXX")
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' HUP INT TERM
PATH=$build/bin:$PATH
export PATH
GITHUB_STEP_SUMMARY=$scratch/step-summary
export GITHUB_STEP_SUMMARY
for name in scenarios fixtures-go quickstart; do
    ln -s "$source/$name" "$scratch/$name"
done
cd "$scratch"

# Files: ```yaml blocks that begin with "# NAME.yaml".
awk '
    /^```/ { inside = $0 == "```yaml" ? 1 : 0; name = ""; next }
    inside == 1 { name = substr($0, 3); inside = 2;
        if (name !~ /^[a-z]+\.yaml$/) { print "a yaml block without a name: " $0; exit 1 } }
    inside == 2 { print > name }
' "$source/README.md"

# Commands: LINE<tab>EXIT CODE<tab>COMMAND. The steps of the CI job are commands, too.
awk '
    /^```/ { inside = $0 == "```sh"; job = $0 == "```yaml"; next }
    job && sub(/^ *(- )?run: /, "") { print FNR "\t0\t" $0 }
    inside && NF {
        code = 0
        if (match($0, /# exits with [0-9]+/))
            code = substr($0, RSTART + 13, RLENGTH - 13)
        sub(/ +# .*/, "")
        print FNR "\t" code "\t" $0
    }
' "$source/README.md" >commands.tsv

# replacement COMMAND: what is run for it
replacement() {
    case $1 in
    "./quickstart run") echo "leakdrill run --filter 'chan-recv-unclosed/*/none' --runs 1" ;;
    "./quickstart run "*) echo "leakdrill run ${1#./quickstart run }" ;;
    "leakdrill run scenarios/"*) echo "leakdrill plan ${1#leakdrill run }" ;;
    "./quickstart test") echo "./quickstart help | grep -q '^ *./quickstart test '" ;;
    "leakdrill new-"*)
        echo "mkdir -p tree/tests && cp -r '$source/fixtures-go' '$source/harness' '$source/scenarios' tree &&" \
            "cp -r '$source/tests/detect' tree/tests && $1 --source tree"
        ;;
    "cmake --preset "* | "cmake --build --preset "* | "ctest --preset "*)
        preset=${1#*--preset }
        echo "grep -q '\"name\": \"${preset%% *}\", \"inherits\": \"base\"' '$source/CMakePresets.json'"
        ;;
    *) printf '%s\n' "$1" ;;
    esac
}

ran=0
failed=0
while IFS='	' read -r line wanted command; do
    status=0
    sh -c "$(replacement "$command")" >output 2>&1 </dev/null || status=$?
    ran=$((ran + 1))
    if [ "$status" -ne "$wanted" ]; then
        failed=$((failed + 1))
        echo "README.md:$line: $command: exit code $status, README says $wanted"
        sed 's/^/    /' output | tail -n 30
    fi
done <commands.tsv

# The tables in README are of today: the board has the scenarios that would run, and the blocks of the table have the
# heading that the program prints.
leakdrill plan | sed -n 's/^\([a-z][a-z0-9-]*\)  (.*/\1/p' | sort >planned
sed -n '/^At a glance$/,/^ ──/p' "$source/README.md" | sed -n 's/^ \([a-z][a-z0-9-]*\) .*/\1/p' | sort >drawn
if ! diff planned drawn >difference; then
    failed=$((failed + 1))
    echo "README.md: the scenarios of leakdrill plan (<) are not those of its board (>):"
    cat difference
fi
heading=$(leakdrill report --db first.db | grep -m 1 ' leaks seen ' | tr -s ' ') || heading='a column "leaks"'
if ! tr -s ' ' <"$source/README.md" | grep -qxF -e "$heading"; then
    failed=$((failed + 1))
    echo "README.md: its table lacks the heading:$heading"
fi
[ -s "$source/reports/picture.png" ] || { failed=$((failed + 1)); echo "no reports/picture.png"; }
echo "$ran commands, $failed failed"
[ "$failed" -eq 0 ] && [ "$ran" -ge 20 ]
