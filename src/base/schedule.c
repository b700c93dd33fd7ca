#include "base/schedule.h"
#include "base/text.h"
#include "base/word.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const variables[] = {"p", "B"};
static const char *const conditions[] = {"", "attention=", "loss="};
static const char none[] = "none";
#define RULE "a schedule is none, or switches such as p=0@5000, p=0@attention=0.5, B=1@loss=0.2 with / between them"

/* "p=0@attention=0.5", cut at @ in place. */
static enum status parse_switch(char *word, const char *all, struct schedule_switch *s)
{
    enum status rc = OK;
    char *at = strchr(word, '@');
    REQUIRE(at && (word[0] == 'p' || word[0] == 'B') && word[1] == '=', ERR_INPUT, "schedule=%s: %s: " RULE, all,
            *word ? word : "an empty switch");
    *at++ = '\0';
    s->variable = word[0] == 'p' ? SCHEDULE_P : SCHEDULE_B;
    s->when = !strncmp(at, conditions[SCHEDULE_ATTENTION], strlen(conditions[SCHEDULE_ATTENTION])) ? SCHEDULE_ATTENTION
              : !strncmp(at, conditions[SCHEDULE_LOSS], strlen(conditions[SCHEDULE_LOSS]))         ? SCHEDULE_LOSS
                                                                                                   : SCHEDULE_TIME;
    const char *number = at + strlen(conditions[s->when]);
    REQUIRE(text_to_real(word + 2, &s->value) && text_to_real(number, &s->at), ERR_INPUT, "schedule=%s: %s@%s: " RULE,
            all, word, at);
    REQUIRE(s->variable == SCHEDULE_B || (s->value >= 0 && s->value < 1), ERR_INPUT,
            "schedule=%s: p=%s: p must be in [0,1)", all, word + 2);
    REQUIRE(s->variable == SCHEDULE_P || (s->value >= 1 && s->value <= 1e9 && s->value == rint(s->value)), ERR_INPUT,
            "schedule=%s: B=%s: B must be a whole number in [1,1000000000]", all, word + 2);
    REQUIRE(s->when != SCHEDULE_TIME || (s->at > 0 && s->at <= 1e12), ERR_INPUT,
            "schedule=%s: @%s: a time must be in (0,1e12]; what holds from the start is p= and B= themselves", all,
            number);
    REQUIRE(s->when == SCHEDULE_TIME || (s->at > 0 && s->at < 1), ERR_INPUT,
            "schedule=%s: %s: must be a number in (0,1)", all, at);
done:
    return rc;
}

static enum status parse_all(char *words, const char *all, struct schedule *s)
{
    enum status rc = OK;
    double time = 0;
    for (char *next = words, *word; (word = next);) {
        next = strchr(word, '/');
        if (next)
            *next++ = '\0';
        REQUIRE(s->n < SCHEDULE_SWITCHES, ERR_INPUT, "schedule=%s: more than %d switches: leave some out", all,
                SCHEDULE_SWITCHES);
        struct schedule_switch *one = &s->list[s->n++];
        TRY(parse_switch(word, all, one));
        REQUIRE(one->when != SCHEDULE_TIME || one->at >= time, ERR_INPUT,
                "schedule=%s: @%g comes after @%g: switches stand in the order in which they happen", all, one->at,
                time);
        time = one->when == SCHEDULE_TIME ? one->at : time;
    }
done:
    return rc;
}

enum status schedule_parse(const char *text, struct schedule *s)
{
    *s = (struct schedule){0};
    if (!strcmp(text, none))
        return OK;
    char *words = strdup(text);
    if (!words)
        return error_set(ERR_MEMORY, "out of memory for a schedule");
    enum status rc = parse_all(words, text, s);
    free(words);
    return rc;
}

char *schedule_text(const struct schedule *s, char *text)
{
    char value[32], at[32], *end = strcpy(text, s->n ? "" : none);
    for (size_t i = 0; i < s->n; i++) {
        const struct schedule_switch *one = &s->list[i];
        end += sprintf(end, "%s%s=%s@%s%s", i ? "/" : "", variables[one->variable], text_real(value, one->value),
                       conditions[one->when], text_real(at, one->at));
    }
    return text;
}

double schedule_largest(const struct schedule *s, enum schedule_variable variable, double start)
{
    for (size_t i = 0; i < s->n; i++)
        start = s->list[i].variable == variable ? fmax(start, s->list[i].value) : start;
    return start;
}

double schedule_last(const struct schedule *s, enum schedule_variable variable, double start)
{
    for (size_t i = 0; i < s->n; i++)
        start = s->list[i].variable == variable ? s->list[i].value : start;
    return start;
}

bool schedule_has(const struct schedule *s, enum schedule_variable variable)
{
    return !isnan(schedule_last(s, variable, NAN));
}

/* ---- as the value of a key ---- */

enum status schedule_value(const char *text, double *value)
{
    struct schedule schedule;
    char whole[SCHEDULE_TEXT];
    *value = 0;
    enum status rc = schedule_parse(text, &schedule);
    return rc == OK && schedule.n ? word_value("schedule", schedule_text(&schedule, whole), value) : rc;
}

const char *schedule_name(double value)
{
    const char *text = word_text(value);
    return text ? text : none;
}

struct schedule schedule_of(double value)
{
    struct schedule schedule = {0};
    const char *text = word_text(value);
    if (text)
        schedule_parse(text, &schedule);
    return schedule;
}

/* ---- along a training run ---- */

const struct schedule_switch *schedule_at_time(const struct schedule *s, struct schedule_state *state, double time)
{
    const struct schedule_switch *next = state->next < s->n ? &s->list[state->next] : NULL;
    if (!next || next->when != SCHEDULE_TIME || time < next->at)
        return NULL;
    state->next++;
    state->shown = 0;
    return next;
}

const struct schedule_switch *schedule_at_evaluation(const struct schedule *s, struct schedule_state *state,
                                                     const struct schedule_reading *r)
{
    const struct schedule_switch *next = state->next < s->n ? &s->list[state->next] : NULL;
    if (!next || next->when == SCHEDULE_TIME)
        return NULL;
    const bool shows = next->when == SCHEDULE_ATTENTION ? r->attention >= next->at : r->loss <= next->at;
    state->shown = shows ? state->shown + 1 : 0;
    if (state->shown < 2)
        return NULL;
    state->next++;
    state->shown = 0;
    return next;
}
