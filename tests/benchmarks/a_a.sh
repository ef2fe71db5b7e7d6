#!/bin/sh
# A/A: the same runs, one at a time and several at once. What runs beside a run must not change what it shows: the
# median time to detect of `matrix` may shift by less than one sampling period, in every cell, or so many jobs are too
# many for this machine. Three cells; the arms take turns, a chunk of runs each, with the same seeds, hence the same
# plans.
#
# usage: a_a.sh LEAKDRILL [JOBS...]      default: 4 jobs against 1
#   RUNS=20   runs of each cell and arm   CHUNK=5  runs of each cell before the next arm's turn
#   PERIOD=0.25  the sampling period in seconds     KEEP=FOLDER  where the databases stay; default: they go
# Exit code: 0 no arm shifts, 1 one does, 3 leakdrill failed.
set -eu

leakdrill=${1:?usage: a_a.sh LEAKDRILL [JOBS...]}
shift
[ $# -gt 0 ] || set -- 4
runs=${RUNS:-20} chunk=${CHUNK:-5} period=${PERIOD:-0.25}
scenarios=$(cd "$(dirname "$0")/../../scenarios/documented" && pwd)

folder=${KEEP:-$(mktemp -d)}
mkdir -p "$folder"
[ -n "${KEEP:-}" ] || trap 'rm -rf "$folder"' EXIT
trap 'exit 130' INT TERM

loads() {
    if [ -r /proc/loadavg ]; then cut -d ' ' -f 1-3 /proc/loadavg; else uptime; fi
}

# One arm's chunk; an expectation that is not met is no matter here.
campaign() { # JOBS SEED
    status=0
    "$leakdrill" run "$scenarios/http-body-not-closed.yaml" "$scenarios/variants/chan-recv-unclosed-depth.yaml" \
        --filter '*/leaky/[ns]*' --runs "$chunk" --seed "$2" --jobs "$1" --db "$folder/$1-$2.db" \
        >"$folder/output" 2>&1 || status=$?
    case $status in
    0 | 1 | 5) ;;
    *)
        echo "a_a.sh: leakdrill ended with $status:" >&2
        tail -n 20 "$folder/output" >&2
        exit 3
        ;;
    esac
}

# jobs|cell|seconds of every run that counts, seconds empty when matrix missed; and jobs|void|how many do not count.
collect() { # JOBS DATABASE
    sqlite3 -separator '|' "$2" \
        "SELECT $1, cell, seconds FROM v_time_to_detect WHERE detector = 'matrix'" \
        "SELECT $1, 'void', count(*) FROM run WHERE validity IS NOT 'valid'" \
        "SELECT $1, 'lag', max(lag_max_ns) / 1e6 FROM run"
}

echo "before: load average $(loads) on $(getconf _NPROCESSORS_ONLN) cores"
: >"$folder/times"
seed=1
done_runs=0
while [ "$done_runs" -lt "$runs" ]; do
    for jobs in 1 "$@"; do
        rm -f "$folder/$jobs-$seed.db"*
        campaign "$jobs" "$seed"
        collect "$jobs" "$folder/$jobs-$seed.db" >>"$folder/times"
    done
    echo "seed $seed: load average $(loads)"
    seed=$((seed + 1))
    done_runs=$((done_runs + chunk))
done

awk -F '|' -v period="$period" -v arms="1 $*" '
function sort(values, n,   i, j, value) {
    for (i = 2; i <= n; i++) {
        value = values[i]
        for (j = i - 1; j >= 1 && values[j] > value; j--)
            values[j + 1] = values[j]
        values[j + 1] = value
    }
}
function middle(values, n) {
    return n % 2 ? values[(n + 1) / 2] : (values[n / 2] + values[n / 2 + 1]) / 2
}
# The median of an arm of a cell; a miss is later than everything. Drawn with replacement when `draw`.
function median(jobs, cell, draw,   values, n, i) {
    n = count[jobs, cell]
    for (i = 1; i <= n; i++)
        values[i] = seconds[jobs, cell, draw ? int(rand() * n) + 1 : i]
    sort(values, n)
    return middle(values, n)
}
$2 == "void" { void[$1] += $3; next }
$2 == "lag" { if ($3 > lag[$1]) lag[$1] = $3; next }
{
    if (!($2 in known)) { known[$2]; cells[++cell_count] = $2 }
    if ($3 == "") { missed[$1, $2]++ }
    seconds[$1, $2, ++count[$1, $2]] = $3 == "" ? 1e6 : $3
}
END {
    resamples = 2000
    srand(1)
    arm_count = split(arms, arm, " ")
    printf "%-44s %5s %5s %7s %9s %9s  %s\n", "cell", "jobs", "runs", "missed", "median s", "shift ms",
        "95 % of the shift"
    for (c = 1; c <= cell_count; c++) {
        cell = cells[c]
        base = median(1, cell, 0)
        for (a = 1; a <= arm_count; a++) {
            jobs = arm[a]
            if (!count[jobs, cell]) {
                printf "%-44s %5d     0\n", cell, jobs
                bad = 1
                continue
            }
            here = median(jobs, cell, 0)
            printf "%-44s %5d %5d %7d %9.3f", cell, jobs, count[jobs, cell], missed[jobs, cell], here
            if (jobs == 1) { printf "\n"; continue }
            for (i = 1; i <= resamples; i++)
                shifts[i] = median(jobs, cell, 1) - median(1, cell, 1)

            shift = here - base
            far = shift >= period || -shift >= period
            bad = bad || far
            printf " %+9.0f  [%+.0f, %+.0f]%s\n", shift * 1000, rank(shifts, resamples, 0.025) * 1000,
                rank(shifts, resamples, 0.975) * 1000, far ? "  too much" : ""
        }
    }
    for (a = 1; a <= arm_count; a++)
        printf "jobs %d: %d runs void, worst lag of the control loop %.0f ms\n", arm[a], void[arm[a]], lag[arm[a]]
    exit bad
}
# The value that `share` of them do not exceed, by bisection.
function rank(values, n, share,   i, k, target, low, high, pivot, below) {
    low = values[1]; high = values[1]
    for (i = 2; i <= n; i++) {
        if (values[i] < low) low = values[i]
        if (values[i] > high) high = values[i]
    }
    target = share * n
    for (i = 0; i < 60; i++) {
        pivot = (low + high) / 2
        below = 0
        for (k = 1; k <= n; k++) below += values[k] <= pivot
        if (below >= target) high = pivot; else low = pivot
    }
    return high
}' "$folder/times"
