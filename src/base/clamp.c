#include "base/clamp.h"
#include "base/text.h"
#include "base/word.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char none[] = "none";
static const char *const kinds[] = {
#define AS_NAME(name, text) text,
    CLAMP_KINDS(AS_NAME)
#undef AS_NAME
};
#define RULE                                                                                                           \
    "a clamp is none, or copy@LAYER, select@LAYER, relevant@LAYER, uniform@LAYER (with .hHEAD for one head, ..STEP "   \
    "until a step), hop@HOP, with / between them"

/* A whole number from 1 to `most` that is all of `text`. */
static bool read_number(const char *text, double most, double *value)
{
    return text_to_real(text, value) && *value >= 1 && *value <= most && *value == rint(*value);
}

/* "select@4.h1..500", cut in place. */
static enum status parse_one(char *word, const char *all, struct clamp *c)
{
    enum status rc = OK;
    char *layer = strchr(word, '@'), *until, *head;
    double number;
    int kind = 0;
    REQUIRE(layer, ERR_INPUT, "clamp=%s: %s: " RULE, all, *word ? word : "an empty clamp");
    *layer++ = '\0';
    if ((until = strstr(layer, "..")))
        *until = '\0', until += 2;
    if ((head = strstr(layer, ".h")))
        *head = '\0', head += 2;
    while (kind < CLAMP_KIND_COUNT && strcmp(word, kinds[kind]))
        kind++;
    REQUIRE(kind < CLAMP_KIND_COUNT, ERR_INPUT, "clamp=%s: %s: " RULE, all, word);
    c->kind = (enum clamp_kind)kind;
    REQUIRE(read_number(layer, 64, &number), ERR_INPUT, "clamp=%s: @%s: must be a whole number in [1,64]", all, layer);
    c->layer = (int)number;
    REQUIRE(!head || read_number(head, 256, &number), ERR_INPUT, "clamp=%s: .h%s: must be a whole number in [1,256]",
            all, head);
    c->head = head ? (int)number : 0;
    REQUIRE(!until || read_number(until, 1e9, &number), ERR_INPUT,
            "clamp=%s: ..%s: a step must be a whole number in [1,1000000000]", all, until);
    c->until = until ? (int64_t)number : 0;
    REQUIRE(c->kind != CLAMP_HOP || (!head && !until), ERR_INPUT,
            "clamp=%s: a hop has no heads, and is held to the end", all);
done:
    return rc;
}

static enum status parse_all(char *words, const char *all, struct clamps *c)
{
    for (char *next = words, *word; (word = next);) {
        next = strchr(word, '/');
        if (next)
            *next++ = '\0';
        if (c->n == CLAMPS)
            return error_set(ERR_INPUT, "clamp=%s: more than %d clamps: leave some out", all, CLAMPS);
        enum status rc = parse_one(word, all, &c->list[c->n++]);
        if (rc != OK)
            return rc;
    }
    return OK;
}

enum status clamp_parse(const char *text, struct clamps *c)
{
    *c = (struct clamps){0};
    if (!strcmp(text, none))
        return OK;
    char *words = strdup(text);
    if (!words)
        return error_set(ERR_MEMORY, "out of memory for clamps");
    enum status rc = parse_all(words, text, c);
    free(words);
    return rc;
}

char *clamp_text(const struct clamps *c, char *text)
{
    char *end = strcpy(text, c->n ? "" : none);
    for (size_t i = 0; i < c->n; i++) {
        const struct clamp *one = &c->list[i];
        end += sprintf(end, "%s%s@%d", i ? "/" : "", kinds[one->kind], one->layer);
        if (one->head)
            end += sprintf(end, ".h%d", one->head);
        if (one->until)
            end += sprintf(end, "..%" PRId64, one->until);
    }
    return text;
}

const char *clamp_kind_name(enum clamp_kind kind)
{
    return kinds[kind];
}

enum status clamp_value(const char *text, double *value)
{
    struct clamps clamps;
    char whole[CLAMP_TEXT];
    *value = 0;
    enum status rc = clamp_parse(text, &clamps);
    return rc == OK && clamps.n ? word_value("clamp", clamp_text(&clamps, whole), value) : rc;
}

const char *clamp_name(double value)
{
    const char *text = word_text(value);
    return text ? text : none;
}

struct clamps clamp_of(double value)
{
    struct clamps clamps = {0};
    const char *text = word_text(value);
    if (text)
        clamp_parse(text, &clamps);
    return clamps;
}

bool clamp_holds(const struct clamp *c, int64_t steps)
{
    return c->until == 0 || steps < c->until;
}
