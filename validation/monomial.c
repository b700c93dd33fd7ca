#include "validation/monomial.h"
#include <math.h>
#include <string.h>

static const char *const column_names[] = {
#define AS_NAME(name, value, meaning) name,
    MONOMIAL_COLUMNS(AS_NAME)
#undef AS_NAME
};
enum { COLUMNS = sizeof column_names / sizeof column_names[0] };

double monomial_X(const struct keys *keys, bool exact)
{
    const double *v = keys->value;
    double p = v[KEY_p], d = v[KEY_d], q = exact ? 1 + p * p * (d - 1) : p * p * d + (1 - p) * (1 - p);
    return sqrt(d / q) * v[KEY_T] / v[KEY_B];
}

/* A key (it sets the message if there is none) or one of column_names; -1 if neither. */
static int find_column(const char *name)
{
#define AS_NAME(old, plain) name = strcmp(name, (old)) ? name : (plain);
    MONOMIAL_OLD_NAMES(AS_NAME)
#undef AS_NAME
    for (int i = 0; i < COLUMNS; i++) {
        if (!strcmp(column_names[i], name))
            return KEY_COUNT + i;
    }
    enum key key = keys_find(name);
    if (key == KEY_COUNT)
        return -1;
    if (!keys_is_choice(key))
        return (int)key;
    error_set(ERR_INPUT, "%s: is a choice, and only a number can be a factor; use it as a filter", name);
    return -1;
}

/* `factor`: a number, or a name with an optional ^power; divided by if `over`. Changes the text. */
static enum status add_factor(char *factor, bool over, struct monomial *m)
{
    enum status rc = OK;
    double power = 1, number;
    char *hat = strchr(factor, '^');
    if (hat)
        *hat = '\0';
    REQUIRE(!hat || text_to_real(hat + 1, &power), ERR_INPUT, "%s^%s: the power is not a number", factor, hat + 1);
    if (text_to_real(factor, &number)) {
        REQUIRE(number > 0, ERR_INPUT, "%s: a factor must be positive: its logarithm is taken", factor);
        m->constant *= pow(number, over ? -power : power);
        goto done;
    }
    REQUIRE(m->n < MONOMIAL_FACTORS, ERR_INPUT, "%s: at most %d columns in one product", factor, MONOMIAL_FACTORS);
    m->columns[m->n] = find_column(factor);
    if (m->columns[m->n] < 0)
        return ERR_INPUT;
    m->powers[m->n++] = over ? -power : power;
done:
    return rc;
}

enum status monomial_parse(const char *text, struct monomial *m)
{
    char copy[200], *rest = copy;
    *m = (struct monomial){.constant = 1};
    if ((size_t)snprintf(copy, sizeof copy, "%s", text) >= sizeof copy)
        return error_set(ERR_INPUT, "%.40s..: longer than %zu characters", text, sizeof copy - 1);
    for (bool over = false, more = true; more;) {
        char *factor = rest, joint;
        rest += strcspn(rest, "*/");
        joint = *rest;
        more = joint != '\0';
        *rest++ = '\0';
        enum status rc = add_factor(factor, over, m);
        if (rc != OK)
            return rc;
        over = joint == '/';
    }
    return OK;
}

bool monomial_holds(const struct monomial *m, enum key key)
{
    bool in_X = key == KEY_T || key == KEY_d || key == KEY_B || key == KEY_p, held = false;
    for (size_t i = 0; i < m->n; i++) {
        bool is_X = m->columns[i] >= KEY_COUNT && column_names[m->columns[i] - KEY_COUNT][0] == 'X';
        held = held || m->columns[i] == (int)key || (is_X && in_X);
    }
    return held;
}

/* Is one of these columns a factor? */
static bool holds_one_of(const struct monomial *m, const char *const *names, size_t n)
{
    bool holds = false;
    for (size_t i = 0; i < m->n; i++) {
        for (size_t k = 0; k < n && m->columns[i] >= KEY_COUNT; k++)
            holds = holds || !strcmp(column_names[m->columns[i] - KEY_COUNT], names[k]);
    }
    return holds;
}

#define AS_NAME(name, meaning) #name,
bool monomial_expects(const struct monomial *m)
{
    static const char *const expected[] = {"flow", PREDICTIONS_FLOW(AS_NAME) PREDICTIONS_CHAIN(AS_NAME)
                                                       PREDICTIONS_TRANSFORMER(AS_NAME)};
    return holds_one_of(m, expected, sizeof expected / sizeof expected[0]);
}

bool monomial_forecasts(const struct monomial *m)
{
    static const char *const forecasts[] = {"forecast", "forecast_low", "forecast_high"};
    return holds_one_of(m, forecasts, sizeof forecasts / sizeof forecasts[0]);
}
#undef AS_NAME

bool monomial_reads_plateau(const struct monomial *m)
{
    bool reads = false;
    for (size_t i = 0; i < m->n; i++)
        reads = reads || m->columns[i] == KEY_COUNT; /* plateau is the first of the columns */
    return reads;
}

bool monomial_grows_with_plateau(const struct monomial *m)
{
    bool grows = false;
    for (size_t i = 0; i < m->n; i++)
        grows = grows || (m->columns[i] == KEY_COUNT && m->powers[i] > 0);
    return grows;
}

double monomial_value(const struct monomial *m, const struct result *r)
{
    const double extra[COLUMNS] = {
#define AS_VALUE(name, value, meaning) value,
        MONOMIAL_COLUMNS(AS_VALUE)
#undef AS_VALUE
    };
    double product = m->constant;
    for (size_t i = 0; i < m->n; i++) {
        int column = m->columns[i];
        double x = column < KEY_COUNT ? r->keys.value[column] : extra[column - KEY_COUNT];
        product *= m->powers[i] == 1 ? x : m->powers[i] == -1 ? 1 / x : pow(x, m->powers[i]);
    }
    return product;
}

double monomial_crossing(const struct result *r, const char *level)
{
    bool applies;
    return result_crossing(r, level, &applies);
}
