-- The store of leakdrill: one SQLite file per campaign. This file is the schema and its documentation; the library
-- creates every file from it. Open one with the sqlite3 shell and begin with the views (v_...); example queries stand
-- at the end.
--
-- Times are integer nanoseconds (_ns). They count from the start of the run they belong to (the run's clock is
-- monotonic), except _wall_ns, which count from 1970-01-01 UTC and are only for show. Views add seconds.
-- 64-bit unsigned numbers (seeds, connections) are kept in SQLite's signed integers: printf('%u', seed) shows them.
-- Names of kinds, causes and the like are the words of the documentation, so that no number needs a key.
-- Real numbers must be read with sqlite3_column_double: the shell shows 15 digits of them, which is not all.

-- One row; a file merged from shards has one for each shard.
CREATE TABLE campaign (
    campaign         INTEGER PRIMARY KEY,
    id               TEXT NOT NULL UNIQUE,
    seed             INTEGER NOT NULL,
    started_wall_ns  INTEGER NOT NULL,
    ended_wall_ns    INTEGER,               -- NULL: still running, or it was killed
    verdict          TEXT,                  -- pass, fail, inconclusive, harness; NULL like ended_wall_ns
    interrupted      INTEGER NOT NULL DEFAULT 0 -- the number of the signal that did it
) STRICT;

-- Host and toolchain: kernel, cores, memory, Go version, leakdrill version, ... The texts of the rule files that
-- detectors read, the same for every run (secrets of an Alertmanager's file left out): rules.<file>; the SHA-256 of their programs: program.<file>.
-- The working folder, from which the scenarios' files are seen: folder. Of an import: import.source, import.period, import.instance.<N>.
CREATE TABLE fact (
    campaign  INTEGER NOT NULL REFERENCES campaign,
    name      TEXT NOT NULL,
    value     TEXT NOT NULL,
    PRIMARY KEY (campaign, name)
) STRICT, WITHOUT ROWID;

-- Canonical JSON and its SHA-256: one seed gives one plan.
CREATE TABLE plan (
    campaign  INTEGER PRIMARY KEY REFERENCES campaign,
    hash      TEXT NOT NULL,
    json      TEXT NOT NULL
) STRICT;

-- The files as they were read: the campaign can be planned again from them.
CREATE TABLE scenario (
    scenario  INTEGER PRIMARY KEY,
    name      TEXT NOT NULL UNIQUE,
    file      TEXT NOT NULL,
    hash      TEXT NOT NULL,                -- SHA-256 of text
    text      TEXT NOT NULL
) STRICT;

-- All runs that share everything but the seed.
CREATE TABLE cell (
    cell        INTEGER PRIMARY KEY,
    scenario    INTEGER NOT NULL REFERENCES scenario,
    name        TEXT NOT NULL UNIQUE,
    variant     TEXT NOT NULL,              -- leaky, healthy
    fault_case  TEXT NOT NULL,
    rate        REAL NOT NULL,              -- leaked units per request
    depth       INTEGER NOT NULL,           -- frames deep in the shared helper
    reads       INTEGER NOT NULL,           -- bits of what is read from the target: part of what a cell is
    arm         TEXT NOT NULL DEFAULT ''    -- which detectors watch: '' all, else an arm's name (since version 2)
) STRICT;

-- Every planned run; those that began have started_wall_ns, those that count have validity.
CREATE TABLE run (
    run              INTEGER PRIMARY KEY,   -- its index in the plan, the same in every shard
    campaign         INTEGER NOT NULL REFERENCES campaign,
    cell             INTEGER NOT NULL REFERENCES cell,
    execution_order  INTEGER NOT NULL,
    repetition       INTEGER NOT NULL,
    seed             INTEGER NOT NULL,
    load_per_second  REAL NOT NULL,
    phase_ns         INTEGER NOT NULL,      -- onset phase within a sampling period
    started_wall_ns  INTEGER,
    validity         TEXT,                  -- NULL: the run did not end; valid; else why it is no evidence
    reason           TEXT,                  -- of the validity, for people
    method_from_ns   INTEGER,               -- the method (load and faults) began
    observed_from_ns INTEGER,
    observed_to_ns   INTEGER,
    ended_ns         INTEGER,
    lag_p99_ns       INTEGER,               -- of the control loop
    lag_max_ns       INTEGER,
    left_processes   INTEGER                -- after teardown: 0 or a bug
) STRICT;
CREATE INDEX run_by_cell ON run (cell);

-- The schedule of a run, from the plan; at_ns counts from method_from_ns.
CREATE TABLE action (
    run      INTEGER NOT NULL REFERENCES run,
    ordinal  INTEGER NOT NULL,
    at_ns    INTEGER NOT NULL,
    kind     TEXT NOT NULL,
    fault    TEXT,
    PRIMARY KEY (run, ordinal)
) STRICT, WITHOUT ROWID;

CREATE TABLE phase (
    run      INTEGER NOT NULL REFERENCES run,
    ordinal  INTEGER NOT NULL,
    name     TEXT NOT NULL,
    time_ns  INTEGER NOT NULL,
    PRIMARY KEY (run, ordinal)
) STRICT, WITHOUT ROWID;

-- Lives of the instances: a restart begins the next incarnation.
CREATE TABLE incarnation (
    run          INTEGER NOT NULL REFERENCES run,
    instance     INTEGER NOT NULL,          -- from 0
    incarnation  INTEGER NOT NULL,          -- from 1
    pid          INTEGER NOT NULL,
    from_ns      INTEGER NOT NULL,
    to_ns        INTEGER,                   -- NULL: until the run's end
    exit_status  INTEGER,                   -- exit code, or minus the signal
    expected     INTEGER,                   -- 1: the harness meant it to end
    PRIMARY KEY (run, instance, incarnation)
) STRICT, WITHOUT ROWID;

-- Every number that may be observed.
CREATE TABLE metric (
    metric      INTEGER PRIMARY KEY,
    name        TEXT NOT NULL UNIQUE,       -- service_name_operation_type_unit
    unit        TEXT NOT NULL,
    source      TEXT NOT NULL,
    prometheus  TEXT,                       -- its name in the target's /metrics
    doc         TEXT NOT NULL
) STRICT;

-- ---------------------------------------------------------------------------------------------- observations

-- What detectors see, in the order in which it was delivered; replay delivers the same again. Columns that do not
-- belong to a kind are NULL.
CREATE TABLE observation (
    run           INTEGER NOT NULL REFERENCES run,
    sequence      INTEGER NOT NULL,         -- 1, 2, 3, ... within a run
    time_ns       INTEGER NOT NULL,
    instance      INTEGER NOT NULL,
    incarnation   INTEGER NOT NULL,
    kind          TEXT NOT NULL,            -- tick, metrics, profile, failed, life, line, answer
    purpose       TEXT,                     -- why it was read: period, warm-up, before, after, escalation
    read_ns       INTEGER,                  -- how long the read took
    points        INTEGER,                  -- metrics: how many numbers, see the view points
    profile_kind  TEXT,                     -- profile, failed: goroutine, heap, ...
    encoding      TEXT,                     -- proto (debug=0), groups (debug=1), stacks (debug=2)
    body          INTEGER REFERENCES body,
    profile       INTEGER REFERENCES profile,
    of_profile    INTEGER,                  -- failed: 1 a profile was asked for, 2 a path of the target, else the metrics
    failure       TEXT,                     -- failed: refused, timeout, truncated, ...
    http_status   INTEGER,
    life          TEXT,                     -- life: started, ready, ended
    exit_status   INTEGER,
    expected      INTEGER,
    text          TEXT,                     -- line: what the target wrote; failed: what went wrong; answer: the path read,
                                            -- which stands in failed too, before a space
    PRIMARY KEY (run, sequence)
) STRICT, WITHOUT ROWID;

-- Numbers of a run that has not ended, one row each. At the run's end they move to series.
CREATE TABLE point (
    run       INTEGER NOT NULL,
    sequence  INTEGER NOT NULL,             -- the observation: it has time, instance and incarnation
    ordinal   INTEGER NOT NULL,             -- place within the observation, from 0
    metric    INTEGER NOT NULL REFERENCES metric,
    value     REAL,                         -- NULL: not a number
    bits      INTEGER,                      -- IEEE 754 bits where SQLite would not keep them: not a number, minus zero
    PRIMARY KEY (run, sequence, ordinal)
) STRICT, WITHOUT ROWID;

-- Numbers of an ended run: one row for at most 4096 of one metric of one incarnation. `samples` is JSON,
-- [[sequence, value], ...], values with as many digits as they need to come back to the bit, or a text "0x..." of
-- their IEEE 754 bits where JSON has no number for them; times are those of the observations. It takes about three
-- quarters of plain rows, lies together by metric, and the view points shows it as rows again. `ordinals` are the
-- places within the observations: [n] when all are the same.
CREATE TABLE series (
    run          INTEGER NOT NULL REFERENCES run,
    instance     INTEGER NOT NULL,
    incarnation  INTEGER NOT NULL,
    metric       INTEGER NOT NULL REFERENCES metric,
    piece        INTEGER NOT NULL,          -- 0, 1, ...
    count        INTEGER NOT NULL,
    first_ns     INTEGER NOT NULL,
    last_ns      INTEGER NOT NULL,
    first        REAL,
    last         REAL,
    minimum      REAL,
    maximum      REAL,
    ordinals     TEXT NOT NULL,
    samples      TEXT NOT NULL,
    PRIMARY KEY (run, instance, incarnation, metric, piece)
) STRICT;

-- Raw bytes of profiles, once per content. zstd -d, or gzip -d when the target compressed it, gives what was read.
CREATE TABLE body (
    body      INTEGER PRIMARY KEY,
    hash      TEXT NOT NULL UNIQUE,         -- SHA-256 of the bytes as read
    encoding  TEXT NOT NULL,                -- raw, zstd
    length    INTEGER NOT NULL,             -- bytes as read
    stored    BLOB NOT NULL
) STRICT;

-- A body read as a profile, and what is in it.
CREATE TABLE profile (
    profile      INTEGER PRIMARY KEY,
    body         INTEGER NOT NULL REFERENCES body,
    kind         TEXT NOT NULL,
    total        INTEGER NOT NULL,          -- goroutines, or the sum of the first value
    samples      INTEGER NOT NULL,
    value_type   TEXT NOT NULL,             -- of stack_count.value: the last value, as `go tool pprof` shows it
    value_unit   TEXT NOT NULL,
    truncated    INTEGER NOT NULL,
    samples_left_out INTEGER NOT NULL,       -- samples after the first 5000: they are in the body only
    UNIQUE (body, kind)
) STRICT;

CREATE TABLE frame (
    frame     INTEGER PRIMARY KEY,
    function  TEXT NOT NULL,
    file      TEXT NOT NULL,
    line      INTEGER NOT NULL,
    UNIQUE (function, file, line)
) STRICT;

-- Where a goroutine stands: the first function that is not the machinery of waiting.
CREATE TABLE site (
    site  INTEGER PRIMARY KEY,
    name  TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE stack (
    stack  INTEGER PRIMARY KEY,
    hash   TEXT NOT NULL UNIQUE,            -- SHA-256 of its frames
    site   INTEGER NOT NULL REFERENCES site,
    depth  INTEGER NOT NULL
) STRICT;

CREATE TABLE stack_frame (
    stack     INTEGER NOT NULL REFERENCES stack,
    position  INTEGER NOT NULL,             -- 0: the leaf
    frame     INTEGER NOT NULL REFERENCES frame,
    PRIMARY KEY (stack, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE stack_count (
    profile  INTEGER NOT NULL REFERENCES profile,
    stack    INTEGER NOT NULL REFERENCES stack,
    value    INTEGER NOT NULL,
    PRIMARY KEY (profile, stack)
) STRICT, WITHOUT ROWID;

-- Goroutines per site and canonical wait; only goroutine and goroutineleak profiles.
CREATE TABLE site_count (
    profile     INTEGER NOT NULL REFERENCES profile,
    site        INTEGER NOT NULL REFERENCES site,
    wait        TEXT NOT NULL,
    count       INTEGER NOT NULL,
    leaked      INTEGER NOT NULL,           -- of them marked (leaked)
    created_by  TEXT NOT NULL,              -- '' when unknown or mixed
    PRIMARY KEY (profile, site, wait)
) STRICT, WITHOUT ROWID;

-- ---------------------------------------------------------------------------------------------- truth and faults

-- What the target's author says, as it arrived. No detector but the calibration set sees it.
CREATE TABLE truth_event (
    run                  INTEGER NOT NULL REFERENCES run,
    ordinal              INTEGER NOT NULL,
    after_sequence       INTEGER NOT NULL,  -- the last observation delivered before it
    time_ns              INTEGER NOT NULL,
    instance             INTEGER NOT NULL,
    incarnation          INTEGER NOT NULL,
    kind                 TEXT NOT NULL,     -- ready, leak, cured, hold, release, calm, gc, error, ended
    interval             TEXT,
    cause                TEXT NOT NULL,
    unit                 TEXT NOT NULL,
    amount               INTEGER NOT NULL,  -- outstanding after this event
    goroutines_per_unit  INTEGER NOT NULL,
    descriptors_per_unit INTEGER NOT NULL,
    bytes_per_unit       INTEGER NOT NULL,
    seen_at              TEXT NOT NULL,     -- JSON: the functions a profile can show
    culprit              TEXT,              -- the line at fault
    text                 TEXT,
    PRIMARY KEY (run, ordinal)
) STRICT, WITHOUT ROWID;

-- One leak (or bounded hold) in one incarnation: what alerts are scored against.
CREATE TABLE truth_interval (
    run                  INTEGER NOT NULL REFERENCES run,
    ordinal              INTEGER NOT NULL,  -- outcome.interval
    id                   TEXT NOT NULL,
    instance             INTEGER NOT NULL,
    incarnation          INTEGER NOT NULL,
    cause                TEXT NOT NULL,
    unit                 TEXT NOT NULL,
    first_ns             INTEGER NOT NULL,  -- t0: onset of the first unit
    manifest_ns          INTEGER,           -- tM: onset of the M-th; NULL: not manifested
    end_ns               INTEGER NOT NULL,
    manifest_after_sequence INTEGER NOT NULL,
    ended_by             TEXT NOT NULL,     -- follow-up, cured, death, kill
    amount               INTEGER NOT NULL,  -- most at once
    final_amount         INTEGER NOT NULL,
    goroutines_per_unit  INTEGER NOT NULL,
    descriptors_per_unit INTEGER NOT NULL,
    bytes_per_unit       INTEGER NOT NULL,
    seen_at              TEXT NOT NULL,
    culprit              TEXT,
    hold                 INTEGER NOT NULL,  -- 1: bounded, never a leak
    confirmed            INTEGER,           -- units confirmed from outside; NULL: nobody could look
    PRIMARY KEY (run, ordinal)
) STRICT, WITHOUT ROWID;

-- Sites that must never be reported.
CREATE TABLE calm_site (
    run      INTEGER NOT NULL REFERENCES run,
    ordinal  INTEGER NOT NULL,
    site     TEXT NOT NULL,
    PRIMARY KEY (run, ordinal)
) STRICT, WITHOUT ROWID;

-- Committed before the fault acts.
CREATE TABLE fault_intent (
    run         INTEGER NOT NULL REFERENCES run,
    fault       TEXT NOT NULL,              -- case/index/type
    type        TEXT NOT NULL,
    at_ns       INTEGER NOT NULL,           -- as the scenario says it, after the method began
    for_ns      INTEGER,                    -- NULL: an instant, or until the method's end
    attributes  TEXT NOT NULL,              -- JSON
    time_ns     INTEGER NOT NULL,           -- when it was meant to act
    until_ns    INTEGER NOT NULL,           -- when it must be undone
    PRIMARY KEY (run, fault)
) STRICT, WITHOUT ROWID;

-- What it did, measured at the point of effect.
CREATE TABLE fault_receipt (
    run            INTEGER NOT NULL REFERENCES run,
    fault          TEXT NOT NULL,
    began_ns       INTEGER NOT NULL,
    ended_ns       INTEGER NOT NULL,
    touched        INTEGER NOT NULL,
    spared         INTEGER NOT NULL,
    count          INTEGER NOT NULL,
    asked_ns       INTEGER NOT NULL,
    p50_ns         INTEGER NOT NULL,
    p99_ns         INTEGER NOT NULL,
    worst_early_ns INTEGER NOT NULL,        -- how much too soon, at most; 0: nothing was
    unit           TEXT,                    -- of asked and delivered: B, B/s; NULL: it is about times or counts only
    asked          INTEGER NOT NULL,
    delivered      INTEGER NOT NULL,
    effective      INTEGER NOT NULL,
    text           TEXT NOT NULL,
    PRIMARY KEY (run, fault)
) STRICT, WITHOUT ROWID;

-- What was drawn from the seed, so that two runs of one seed have the same rows: which connections a toxic touched (the
-- nth of instance i: i * 2^32 + n), or which instances a fault of a process or resource was meant for.
CREATE TABLE fault_decision (
    decision    INTEGER PRIMARY KEY,
    run         INTEGER NOT NULL REFERENCES run,
    fault       TEXT NOT NULL,
    connection  INTEGER NOT NULL,
    touched     INTEGER NOT NULL
) STRICT;
CREATE INDEX fault_decision_by_run ON fault_decision (run, fault, connection);

-- What a run waited for and answered to: the gate before the method ('steady'), what ends the run ('abort/0', ...), and
-- the conditions of faults (by the fault's id). Decided by observations alone, so that a replay decides the same. From
-- the first acted_ns on a run counts neither for nor against a detector.
CREATE TABLE condition (
    run           INTEGER NOT NULL REFERENCES run,
    condition     TEXT NOT NULL,
    kind          TEXT NOT NULL,            -- steady, abort, fault
    asked         TEXT NOT NULL,            -- in words
    from_ns       INTEGER NOT NULL,         -- it was watched from here
    to_ns         INTEGER,                  -- to here; NULL: as long as the gate was shut
    sequence      INTEGER,                  -- the observation that decided; NULL: none did
    time_ns       INTEGER,                  -- its time
    instance      INTEGER,                  -- whose it was
    acted_ns      INTEGER,                  -- the runner's clock when it acted; NULL: it had ended by then
    recovers      INTEGER NOT NULL,         -- 1: its recovery was measured
    recovered_ns  INTEGER,                  -- first back within the steady bounds; time_ns: it never left them
    relapsed_ns   INTEGER,                  -- and out of them again
    text          TEXT NOT NULL,            -- what was seen
    PRIMARY KEY (run, condition)
) STRICT, WITHOUT ROWID;

-- ---------------------------------------------------------------------------------------------- detectors and score

CREATE TABLE detector (
    detector      INTEGER PRIMARY KEY,
    run           INTEGER NOT NULL REFERENCES run,
    name          TEXT NOT NULL,
    kind          TEXT NOT NULL,
    calibration   INTEGER NOT NULL,
    options       TEXT NOT NULL,            -- JSON
    failed        INTEGER NOT NULL DEFAULT 0,
    out_of_range  INTEGER NOT NULL DEFAULT 0, -- dose or duration cannot reach its parameters
    reason        TEXT,                     -- of either
    UNIQUE (run, name)
) STRICT;

-- Claims, opened and closed.
CREATE TABLE alert (
    alert             INTEGER PRIMARY KEY,
    run               INTEGER NOT NULL REFERENCES run,
    detector          TEXT NOT NULL,
    id                INTEGER NOT NULL,     -- within detector and run; a close has its open's id
    action            TEXT NOT NULL,        -- open, close, unknown, known
    evidence          INTEGER NOT NULL,     -- sequence of the deciding observation: the same in replay
    evidence_time_ns  INTEGER NOT NULL,
    receipt_ns        INTEGER NOT NULL,     -- when it arrived: scoring uses this
    instance          INTEGER NOT NULL,
    incarnation       INTEGER NOT NULL,
    cause             TEXT NOT NULL,
    site              TEXT,
    amount            REAL,
    amount_bits       INTEGER,              -- as point.bits
    severity          TEXT NOT NULL,
    why               TEXT,
    rule              TEXT,
    rule_version      TEXT
) STRICT;
CREATE INDEX alert_by_run ON alert (run, detector, receipt_ns);

-- One row per detector and truth interval.
CREATE TABLE outcome (
    run            INTEGER NOT NULL REFERENCES run,
    ordinal        INTEGER NOT NULL,
    detector       TEXT NOT NULL,
    interval       INTEGER,                 -- truth_interval.ordinal; NULL: the run has none
    kind           TEXT NOT NULL,           -- TP, TP_LATE, FN; without evidence: NOT_MANIFESTED, ...
    detect_ns      INTEGER,                 -- receipt - tM; may be negative: seen between t0 and tM. OUT_OF_RANGE, too
    from_first_ns  INTEGER,                 -- receipt - t0
    censored_ns    INTEGER,                 -- not seen, FN or OUT_OF_RANGE: follow-up after tM
    cause_match    TEXT NOT NULL,           -- right, wrong, unnamed
    site_match     TEXT NOT NULL,           -- right, wrong, none
    culprit        INTEGER NOT NULL,        -- it named the line at fault
    PRIMARY KEY (run, ordinal)
) STRICT, WITHOUT ROWID;

-- What a detector did in a run, besides outcomes.
CREATE TABLE detector_run (
    run              INTEGER NOT NULL REFERENCES run,
    detector         TEXT NOT NULL,
    alerted          INTEGER NOT NULL,
    episodes         INTEGER NOT NULL,
    false_alarms     INTEGER NOT NULL,
    wrong_site       INTEGER NOT NULL,
    during_hold      INTEGER NOT NULL,
    quiet_seconds    REAL NOT NULL,         -- exposure with nothing held, in a leak or for a while
    unknown_seconds  REAL NOT NULL,         -- it said that it could not see
    PRIMARY KEY (run, detector)
) STRICT, WITHOUT ROWID;

-- Expectations and calibration checks, and what came of them.
CREATE TABLE gate (
    gate      INTEGER PRIMARY KEY,
    scenario  TEXT NOT NULL,
    cell      TEXT NOT NULL,
    detector  TEXT NOT NULL,
    what      TEXT NOT NULL,
    asked     TEXT NOT NULL,
    seen      TEXT NOT NULL,
    verdict   TEXT NOT NULL,
    line      INTEGER NOT NULL              -- of the scenario file; 0: calibration
) STRICT;

-- Three distinct people sign over the hash of candidate, baseline, corpus and report. Empty until then.
CREATE TABLE sign_off (
    sign_off        INTEGER PRIMARY KEY,
    subject_hash    TEXT NOT NULL,
    name            TEXT NOT NULL,
    public_key      BLOB NOT NULL,
    signature       BLOB NOT NULL,
    signed_wall_ns  INTEGER NOT NULL,
    UNIQUE (subject_hash, public_key)
) STRICT;

-- What looking cost: reads through the gateway, per reader.
CREATE TABLE reader (
    run       INTEGER NOT NULL REFERENCES run,
    instance  INTEGER NOT NULL,
    reader    TEXT NOT NULL,
    reads     INTEGER NOT NULL,
    bytes     INTEGER NOT NULL,
    time_ns   INTEGER NOT NULL,
    failures  INTEGER NOT NULL,
    PRIMARY KEY (run, instance, reader)
) STRICT, WITHOUT ROWID;

-- Lines for people: tail of stderr, why a run is void, what teardown found. Kind 'blind': whether a detector said the
-- same with and without the names of the target's own code. Kind 'program': a detector's program was another one than
-- when the campaign began.
CREATE TABLE note (
    note     INTEGER PRIMARY KEY,
    run      INTEGER NOT NULL REFERENCES run,
    time_ns  INTEGER NOT NULL,
    kind     TEXT NOT NULL,
    text     TEXT NOT NULL
) STRICT;
CREATE INDEX note_by_run ON note (run);

-- ---------------------------------------------------------------------------------------------- views

-- Every number observed, whether its run goes on or has ended. Name a run: it is much faster. SQLite up to 3.40 lets
-- views use JSON functions only while trusted_schema is on, as it is by default.
CREATE VIEW points AS
    SELECT p.run, o.instance, o.incarnation, m.name AS metric, m.unit, p.sequence, o.time_ns,
           o.time_ns / 1e9 AS seconds, p.value
    FROM point AS p
    JOIN observation AS o ON o.run = p.run AND o.sequence = p.sequence
    JOIN metric AS m ON m.metric = p.metric
    UNION ALL
    SELECT s.run, s.instance, s.incarnation, m.name, m.unit, json_extract(e.value, '$[0]'), o.time_ns,
           o.time_ns / 1e9,
           CASE WHEN typeof(json_extract(e.value, '$[1]')) IN ('integer', 'real')
                THEN CAST(json_extract(e.value, '$[1]') AS REAL) END
    FROM series AS s
    JOIN metric AS m ON m.metric = s.metric
    CROSS JOIN json_each(s.samples) AS e
    JOIN observation AS o ON o.run = s.run AND o.sequence = json_extract(e.value, '$[0]');

-- alerts: how many claims were opened, those of the calibration set not counted. An update is a close ("updated") and
-- an open of one claim, and counts as none.
CREATE VIEW v_runs AS
    SELECT r.run, c.name AS cell, c.variant, c.fault_case, r.repetition, printf('%u', r.seed) AS seed,
           CASE WHEN r.validity IS NOT NULL THEN r.validity WHEN r.started_wall_ns IS NOT NULL THEN 'not ended'
                ELSE 'not begun' END AS state,
           r.reason, r.ended_ns / 1e9 AS seconds, r.lag_p99_ns / 1e6 AS lag_p99_ms,
           (SELECT count(*) FROM observation AS o WHERE o.run = r.run) AS observations,
           (SELECT count(*) FROM truth_interval AS t WHERE t.run = r.run AND NOT t.hold) AS leaks,
           (SELECT count(*) FILTER (WHERE a.action = 'open')
                   - count(*) FILTER (WHERE a.action = 'close' AND a.why = 'updated')
            FROM alert AS a WHERE a.run = r.run AND NOT EXISTS
                (SELECT 1 FROM detector AS d WHERE d.run = a.run AND d.name = a.detector AND d.calibration)) AS alerts
    FROM run AS r JOIN cell AS c ON c.cell = r.cell;

-- The board: per cell and detector, how many outcomes of each kind. What OUT_OF_RANGE ones name enters no rate.
CREATE VIEW v_outcomes AS
    SELECT c.name AS cell, o.detector, o.kind, count(*) AS count,
           sum(o.cause_match = 'right') AS cause_right, sum(o.site_match = 'right') AS site_right
    FROM outcome AS o JOIN run AS r ON r.run = o.run JOIN cell AS c ON c.cell = r.cell
    GROUP BY c.cell, o.detector, o.kind;

-- Censored rows (not seen) have no seconds but say how long nothing came: never average over the hits alone. Those that
-- were OUT_OF_RANGE are among them, seen or not, as in every time that is reported.
CREATE VIEW v_time_to_detect AS
    SELECT c.name AS cell, o.detector, o.run, o.kind, t.id AS interval, t.cause,
           o.detect_ns / 1e9 AS seconds, o.from_first_ns / 1e9 AS seconds_from_first_unit,
           o.censored_ns / 1e9 AS censored_after_seconds
    FROM outcome AS o JOIN run AS r ON r.run = o.run JOIN cell AS c ON c.cell = r.cell
    LEFT JOIN truth_interval AS t ON t.run = o.run AND t.ordinal = o.interval
    WHERE o.kind IN ('TP', 'TP_LATE', 'FN') OR o.detect_ns IS NOT NULL OR o.censored_ns IS NOT NULL;

-- An hour of quiet_hours has (false_alarms - wrong_site) / quiet_hours false alarms: who names a wrong site does so
-- while something is held, which is no quiet time.
CREATE VIEW v_false_alarms AS
    SELECT c.name AS cell, d.detector, count(*) AS runs, sum(d.false_alarms) AS false_alarms,
           sum(d.wrong_site) AS wrong_site, sum(d.during_hold) AS during_hold,
           sum(d.quiet_seconds) / 3600 AS quiet_hours, sum(d.unknown_seconds) AS unknown_seconds
    FROM detector_run AS d JOIN run AS r ON r.run = d.run JOIN cell AS c ON c.cell = r.cell
    GROUP BY c.cell, d.detector;

-- Asked and delivered. No receipt: the fault never ended, look for a crash.
CREATE VIEW v_faults AS
    SELECT i.run, i.fault, i.type, i.time_ns / 1e9 AS intent_seconds, f.began_ns / 1e9 AS began_seconds,
           f.ended_ns / 1e9 AS ended_seconds, f.effective, f.text AS receipt, f.touched, f.spared,
           f.count, f.asked_ns / 1e6 AS asked_ms, f.p50_ns / 1e6 AS p50_ms, f.p99_ns / 1e6 AS p99_ms,
           f.worst_early_ns / 1e6 AS worst_early_ms, f.asked, f.delivered, f.unit,
           (SELECT count(*) FROM fault_decision AS d WHERE d.run = i.run AND d.fault = i.fault) AS decisions,
           i.attributes
    FROM fault_intent AS i LEFT JOIN fault_receipt AS f ON f.run = i.run AND f.fault = i.fault;

-- Conditions and how long it took to recover from what they met: recovery_seconds is NULL where it did not come within
-- followed_seconds, and 0 where the bounds were never left.
CREATE VIEW v_conditions AS
    SELECT k.run, c.name AS cell, k.condition, k.kind, k.asked, k.time_ns / 1e9 AS seconds, k.sequence,
           (k.recovered_ns - k.time_ns) / 1e9 AS recovery_seconds, k.relapsed_ns IS NOT NULL AS relapsed,
           CASE WHEN k.recovers AND k.time_ns IS NOT NULL
                THEN (min(k.to_ns, r.observed_to_ns) - k.time_ns) / 1e9 END AS followed_seconds, k.text
    FROM condition AS k JOIN run AS r ON r.run = k.run JOIN cell AS c ON c.cell = r.cell;

-- Goroutines over time: as the runtime counts them, and as profiles total them.
CREATE VIEW v_goroutines AS
    SELECT run, instance, incarnation, sequence, seconds, CAST(value AS INTEGER) AS count, 'metrics' AS source
    FROM points WHERE metric = 'go_sched_goroutines_count'
    UNION ALL
    SELECT o.run, o.instance, o.incarnation, o.sequence, o.time_ns / 1e9, p.total, 'profile'
    FROM observation AS o JOIN profile AS p ON p.profile = o.profile
    WHERE p.kind = 'goroutine';

-- Goroutines per site over time.
CREATE VIEW v_sites AS
    SELECT o.run, o.instance, o.incarnation, o.sequence, o.time_ns / 1e9 AS seconds, s.name AS site, c.wait, c.count,
           c.leaked, c.created_by
    FROM observation AS o JOIN site_count AS c ON c.profile = o.profile JOIN site AS s ON s.site = c.site;

-- Everything that happened in a run, by time. `rank` orders what shares an instant. `instance`: NULL for what concerns
-- all of them. `amount`: units outstanding after a leak, cure, hold or release; its cause and unit are those of the
-- interval's first line, the only one that must give them.
CREATE VIEW v_timeline AS
    SELECT run, time_ns, 1 AS rank, 'phase' AS kind, '' AS who, name AS text, NULL AS instance, NULL AS amount
    FROM phase
    UNION ALL
    SELECT run, time_ns, 2, 'life', 'instance ' || instance,
           'incarnation ' || incarnation || ' ' || life ||
           CASE WHEN life = 'ended' THEN ', status ' || coalesce(exit_status, 0) ||
                CASE WHEN expected THEN '' ELSE ', not expected' END ELSE '' END,
           instance, NULL
    FROM observation WHERE kind = 'life'
    UNION ALL
    SELECT run, time_ns, 3, 'truth', coalesce(interval, ''),
           kind || CASE WHEN kind IN ('leak', 'cured', 'hold', 'release')
                        THEN ' ' || first_cause || ', ' || amount || ' ' || first_unit || ' outstanding' ELSE '' END ||
           CASE WHEN coalesce(text, '') <> '' THEN ': ' || text ELSE '' END,
           instance, CASE WHEN kind IN ('leak', 'cured', 'hold', 'release') THEN amount END
    FROM (SELECT *, first_value(cause) OVER line AS first_cause, first_value(unit) OVER line AS first_unit
          FROM truth_event
          WINDOW line AS (PARTITION BY run, instance, incarnation, interval ORDER BY time_ns, ordinal))
    UNION ALL
    SELECT run, time_ns, 4, 'fault', fault, 'intent: ' || type || ' until ' || printf('%.3f s', until_ns / 1e9),
           NULL, NULL
    FROM fault_intent
    UNION ALL
    SELECT run, began_ns, 5, 'fault', fault, 'began', NULL, NULL FROM fault_receipt
    UNION ALL
    SELECT run, ended_ns, 6, 'fault', fault,
           'ended' || CASE WHEN effective THEN '' ELSE ', not effective' END || ': ' || text, NULL, NULL
    FROM fault_receipt
    UNION ALL
    SELECT run, time_ns, 7, 'when', condition,
           CASE kind WHEN 'steady' THEN 'steady: ' ELSE 'holds, from here on the run does not count: ' END || text,
           instance, NULL
    FROM condition WHERE time_ns IS NOT NULL
    UNION ALL
    SELECT run, recovered_ns, 7, 'when', condition,
           'recovered after ' || printf('%.3f s', (recovered_ns - time_ns) / 1e9), instance, NULL
    FROM condition WHERE recovered_ns IS NOT NULL
    UNION ALL
    SELECT run, relapsed_ns, 7, 'when', condition, 'relapsed: out of the steady bounds again', instance, NULL
    FROM condition WHERE relapsed_ns IS NOT NULL
    UNION ALL
    SELECT run, time_ns, 7, 'read', 'instance ' || instance,
           CASE WHEN of_profile THEN coalesce(profile_kind, 'profile') ELSE 'metrics' END || ' ' || failure ||
           CASE WHEN coalesce(http_status, 0) > 0 THEN ', HTTP ' || http_status ELSE '' END ||
           CASE WHEN coalesce(text, '') <> '' THEN ': ' || text ELSE '' END, instance, NULL
    FROM observation WHERE kind = 'failed'
    UNION ALL
    SELECT run, time_ns, 8, 'count', 'instance ' || instance, total || ' goroutines', instance, NULL
    FROM (SELECT o.run, o.time_ns, o.instance, p.total,
                 lag(p.total) OVER (PARTITION BY o.run, o.instance, o.incarnation ORDER BY o.sequence) AS before
          FROM observation AS o JOIN profile AS p ON p.profile = o.profile WHERE p.kind = 'goroutine')
    WHERE before IS NULL OR before <> total
    UNION ALL
    SELECT run, receipt_ns, 9, 'alert', detector,
           action || CASE WHEN action IN ('open', 'close') THEN ' ' || severity || ' ' || cause ELSE '' END ||
           CASE WHEN coalesce(site, '') <> '' THEN ' at ' || site ELSE '' END ||
           CASE WHEN coalesce(why, '') <> '' THEN ': ' || why ELSE '' END ||
           CASE WHEN coalesce(rule_version, '') <> '' THEN ' (' || rule || ', rules ' || rule_version || ')' ELSE '' END,
           instance, NULL
    FROM alert
    UNION ALL
    SELECT run, time_ns, 10, 'note', kind, text, NULL, NULL FROM note;

-- ---------------------------------------------------------------------------------------------- example queries
-- Each begins with "-- Q:"; a test runs all of them. Try them with: sqlite3 -box FILE
--
-- Q: What ran, and what came of it?
--    SELECT run, cell, state, seconds, observations, leaks, alerts FROM v_runs ORDER BY run;
-- Q: Which detector found what?
--    SELECT cell, detector, kind, count, cause_right, site_right FROM v_outcomes;
-- Q: How fast, in the leaky cells?
--    SELECT cell, detector, kind, seconds, censored_after_seconds FROM v_time_to_detect
--    ORDER BY cell, detector, seconds;
-- Q: Who cried wolf, and over how much quiet time?
--    SELECT * FROM v_false_alarms WHERE false_alarms > 0;
-- Q: Did the faults do what they were asked to?
--    SELECT run, fault, effective, receipt FROM v_faults;
-- Q: Which conditions held, and how long did it take to recover?
--    SELECT run, condition, asked, seconds, recovery_seconds, followed_seconds FROM v_conditions ORDER BY run, seconds;
-- Q: Goroutines of run 0 over time.
--    SELECT seconds, count, source FROM v_goroutines WHERE run = 0 ORDER BY sequence;
-- Q: The ten busiest sites of run 0, with their most goroutines.
--    SELECT site, wait, max(count) AS most FROM v_sites WHERE run = 0 GROUP BY site, wait ORDER BY most DESC LIMIT 10;
-- Q: Where did each metric of run 0 begin and end, without unfolding anything?
--    SELECT m.name, s.instance, s.incarnation, s.count, s.first, s.last, s.minimum, s.maximum
--    FROM series AS s JOIN metric AS m ON m.metric = s.metric WHERE s.run = 0 AND s.piece = 0;
-- Q: Resident memory of run 0, in MiB.
--    SELECT seconds, value / 1048576 AS mebibytes FROM points
--    WHERE run = 0 AND metric = 'process_memory_resident_bytes' ORDER BY sequence;
-- Q: The whole story of run 0.
--    SELECT printf('%.3f', time_ns / 1e9) AS seconds, kind, who, text FROM v_timeline
--    WHERE run = 0 ORDER BY time_ns, rank;
-- Q: One stack, leaf first.
--    SELECT f.position, r.function, r.file, r.line FROM stack_frame AS f JOIN frame AS r ON r.frame = f.frame
--    WHERE f.stack = 1 ORDER BY f.position;
-- Q: What did looking cost?
--    SELECT reader, sum(reads) AS reads, sum(bytes) AS bytes, sum(time_ns) / 1e9 AS seconds, sum(failures) AS failures
--    FROM reader GROUP BY reader;
-- Q: Which expectations failed?
--    SELECT cell, detector, what, asked, seen FROM gate WHERE verdict <> 'pass';
