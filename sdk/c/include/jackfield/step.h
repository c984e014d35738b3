/**
 * A workflow step: one node of a workflow's graph.
 *
 * A step never sleeps and keeps nothing in memory while a contact thinks: it answers `jf_wait` with
 * the little state that it wants back, and is resumed in a fresh sandbox.
 */
#ifndef JACKFIELD_STEP_H
#define JACKFIELD_STEP_H

#include "descriptor.h"
#include "failure.h"

/** What the step is asked to do, beside its settings. */
typedef struct jf_run {
    const char *run_id;
    /** The workflow's name. */
    const char *workflow;
    /** The step's id in the workflow. */
    const char *step_id;
    /** The n-th time that this run stands at this step, from 1. */
    uint32_t visit;
    /** The n-th try of this visit, from 1. */
    uint32_t attempt;
    /** JSON texts, read by the functions below when they are wanted. */
    const char *trigger_json;
    const char *variables_json;
    const char *contact_json;
} jf_run;

/** The data of the event that started the run. */
const jf_value *jf_trigger(const jf_run *run);
/** `{"vars": {...}, "steps": {"step-id": output}}`. */
const jf_value *jf_variables(const jf_run *run);
/** The contact that the run is about, as it stood when the activation began; NULL where there is
 *  none. */
const jf_value *jf_contact(const jf_run *run);

/** What ended a wait. */
typedef struct jf_wake {
    /** The time came; the rest is for events. */
    bool timer;
    const char *id;
    const char *name;
    const jf_value *data;
    /** When it was accepted, in milliseconds since 1970. */
    uint64_t at;
} jf_wake;

/** What comes of an activation; made by the functions below. */
typedef struct jf_outcome jf_outcome;

/** Done, by the branch `success`. The output (NULL: none) is what later steps read. */
jf_outcome *jf_done(const jf_value *output);
/** Done, by a branch. */
jf_outcome *jf_branch(const char *branch, const jf_value *output);
/** The run goes on at the step with this id. */
jf_outcome *jf_goto(const char *step_id);
/** The run ends as completed, with a reason for people. */
jf_outcome *jf_end(const char *reason);
/** The run waits, 365 days at most, and comes back to `resume` with this state (NULL: `null`). */
jf_outcome *jf_wait(const jf_value *state);
/** Ends a wait at this time (milliseconds since 1970) at the latest. */
void jf_until(jf_outcome *wait, uint64_t timestamp);

/** An event that ends a wait. */
typedef struct jf_subscription {
    /** The event's name, such as `message.received`. */
    const char *event;
    /** What it must be about (a message's id, a run's id); NULL: the run's contact. */
    const char *subject;
    /** A condition on the event's data; NULL: none. */
    const jf_value *when;
    /** Of several waits that claim the same event only the newest is woken. */
    bool claim;
} jf_subscription;

/** Ends a wait with such an event; at most 16. */
void jf_on(jf_outcome *wait, jf_subscription subscription);

/** Where a list of steps shows one. */
typedef enum jf_category {
    JF_OTHER,
    JF_MESSAGES,
    JF_CONTACTS,
    JF_CONVERSATIONS,
    JF_LOGIC,
    JF_INTEGRATIONS
} jf_category;

/** A branch beside `success` and `failure`. */
typedef struct jf_branch_of_step {
    const char *name;
    const char *title;
    /** Where a run goes in a workflow that does not name it: `next`, `end`, `fail`, or another
     *  branch. */
    const char *otherwise;
} jf_branch_of_step;

/** A code with which a step takes `failure`, beside those that every step can have. */
typedef struct jf_failure_of_step {
    /** Lower-case words with hyphens; `http-*` stands for all that begin so. */
    const char *code;
    /** What has happened. */
    const char *title;
} jf_failure_of_step;

/** A step: what it says of itself, and what it does. */
typedef struct jf_step {
    /** Lower-case words with hyphens. */
    const char *name;
    /** Such as `1.0.0`. */
    const char *version;
    const char *title;
    const char *summary;
    /** One emoji, or the name of an icon. */
    const char *icon;
    jf_category category;
    /** Declared by `JF_SETTINGS`; NULL for a step without settings. */
    const jf_type *(*settings)(void);
    /** Declared by `JF_OUTPUT`, on every branch; NULL for a step without output. */
    const jf_type *(*output)(void);
    jf_branch_of_step branches[16];
    /** Where in the settings the names of more branches stand: a JSON pointer with `*` for every
     *  item, as in the schema. */
    const char *branches_from;
    jf_failure_of_step failures[32];
    /** The step can wait. */
    bool waits;
    /** The step itself ends a loop through it after a number of times. */
    bool bounds_loops;
    /** What it must reach, such as `https://api.example.com`, or `*`. */
    const char *hosts[JF_HOSTS];
    jf_secret secrets[JF_SECRETS];
    jf_limits limits;

    /** Called when a run arrives at the step. `settings` is the declared struct. */
    jf_outcome *(*start)(const jf_run *run, const void *settings);
    /** Called when a wait has ended; NULL for a step that never waits. */
    jf_outcome *(*resume)(const jf_run *run, const void *settings, const jf_value *state,
                          const jf_wake *wake);
} jf_step;

#endif
