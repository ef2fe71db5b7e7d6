/* The panel: the detectors that watch one run, live or replayed.
 *
 * Opened from the scenario and the run's plan alone, so that a replay opens the very same ones. The calibration set of
 * reports/definitions.md is always on it. A detector that breaks is left out from there on and reported once; it
 * harms nothing else. */
#ifndef LD_RUN_PANEL_H
#define LD_RUN_PANEL_H

#include "detect/detector.h"
#include "plan/plan.h"

struct ld_panel;
struct ld_blind;
struct ld_gateway;
struct ld_guard;
struct ld_statics;
struct ld_watched_programs;
struct uv_loop_s;

/* What detectors that are hosted (runner/detect/hosted.h) need to run. */
struct ld_panel_host {
    struct uv_loop_s *loop;
    const struct ld_guard *guard;
    const char *work_folder;
    const struct ld_gateway *gateway; /* NULL: a replay; who reads through it cannot take part */
    const struct ld_statics *statics; /* what static tools found before the runs; NULL: none was asked */
    const struct ld_watched_programs *programs; /* as they were when the campaign began; NULL: nobody looks */
};

struct ld_panel_events {
    void (*alert)(void *context, const char *detector, const struct ld_alert *alert);
    void (*broken)(void *context, const char *detector, const char *reason);
    /* At the end of a run that never reached the detector's parameters. */
    void (*out_of_range)(void *context, const char *detector, const char *reason);
    /* What a hosted detector left to say: its standard error, or how it ended. May be NULL. */
    void (*note)(void *context, const char *detector, const char *text);
    /* At the end: what its rules asked for and what was never there, "go_gorutines (rule TooMany)". May be NULL. */
    void (*in_vain)(void *context, const char *detector, const char *what);
    /* At the end of a blind run: what ld_agreement_text says of a detector and its sighted twin, or the hosted one of
     * itself. May be NULL. */
    void (*compared)(void *context, const char *detector, const char *agreement);
    /* As it is started: its program is not what it was when the campaign began. May be NULL. */
    void (*changed)(void *context, const char *detector, const char *how);
    void (*ready)(void *context); /* one more is: ask ld_panel_awaited. May be NULL */
    void (*ended)(void *context); /* after ld_panel_end; may be NULL when there is no host */
};

struct ld_panel_member {
    const char *name;
    const struct ld_detector_kind *kind;
    const void *options; /* as kind->options bound them; NULL when it has none */
};

/* `only`: names to open, ends with NULL; NULL: all of the cell's arm and the calibration set. LD_EUSAGE for a name that
 * is not among them, or of a hosted one that cannot take part here. `host` NULL: hosted ones are left out. `blind`: the
 * run's renaming, outlives the panel; NULL: the run is not blind. In a blind run everybody but the calibration set is
 * told renamed observations, names in alerts are put back, and each built-in detector, one of an endpoint's answers
 * too, has a sighted twin whose alerts are compared and dropped. */
int ld_panel_open(struct ld_panel **ret_panel, const struct ld_cell *cell, const struct ld_run_plan *run,
                  const char *data_folder, const char *const *only, const struct ld_panel_host *host,
                  struct ld_blind *blind,
                  const struct ld_panel_events *events, void *context, struct ld_error *error);
size_t ld_panel_members(const struct ld_panel *panel, const struct ld_panel_member **ret_members);
/* Start the hosted detectors; from here on events may come. */
void ld_panel_start(struct ld_panel *panel);
/* One that needs time to be ready to watch, and is not; NULL: all are, or broken. Lives as long as the panel. */
const char *ld_panel_awaited(const struct ld_panel *panel);
void ld_panel_observe(struct ld_panel *panel, const struct ld_observation *observation);
/* After the follow-up, when the target is told to stop: for those of LD_READ_FAREWELL alone. */
void ld_panel_farewell(struct ld_panel *panel, const struct ld_observation *observation);
bool ld_panel_awaits_farewell(const struct ld_panel *panel);
/* The last observation was delivered: says whom the run could not reach. */
void ld_panel_finish(struct ld_panel *panel);
/* Truth, for the calibration set only. */
void ld_panel_truth(struct ld_panel *panel, const struct ld_truth_event *event);
/* Run the host's loop until every hosted detector has answered what it was told. */
void ld_panel_settle(struct ld_panel *panel);
/* No more observations: hosted ones answer what they still have and end (`hurry`: they are killed). True: `ended`
 * follows once all of them are gone; until then the panel must not be freed. False: there is nothing to wait for. */
bool ld_panel_end(struct ld_panel *panel, bool hurry);
void ld_panel_free(struct ld_panel *panel); /* NULL is allowed */

#endif
