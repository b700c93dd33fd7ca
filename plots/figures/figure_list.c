#include "plots/figures/figure.h"
#include "plots/figures/anatomy.h"
#include "plots/figures/collapse.h"
#include "plots/figures/curves.h"
#include "plots/figures/emergence.h"
#include "plots/figures/exponents.h"
#include "plots/figures/laws.h"
#include "plots/figures/phase.h"
#include "plots/figures/predicted.h"
#include "run/reading.h"
#include "plots/figures/survival.h"
#include <string.h>

static const struct figure figures[] = {
#include "plots/figures/figures.def"
};
enum { COUNT = sizeof figures / sizeof figures[0] };

size_t figure_count_all(void)
{
    return COUNT;
}

size_t figure_count(void)
{
    size_t n = 0;
    while (n < COUNT && figures[n].study) /* the others stand behind them */
        n++;
    return n;
}

const struct figure *figure_at(size_t i)
{
    return &figures[i];
}

enum status figure_find(const char *name, const struct figure **figure)
{
    const char *names[COUNT];
    struct text list = {0};
    for (size_t i = 0; i < COUNT; i++) {
        names[i] = figures[i].name;
        text_addf(&list, "%s%s", i ? ", " : "", names[i]);
        if (!strcmp(name, names[i]) || (!strncmp(name, "fig", 3) && !strcmp(name + 3, names[i]))) {
            *figure = &figures[i];
            text_free(&list);
            return OK;
        }
    }
    const char *nearest = text_nearest(strncmp(name, "fig", 3) ? name : name + 3, names, COUNT);
    error_set(ERR_INPUT, "%s: no such figure%s%s%s; figures are %s; all stands for those with a study", name,
              nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "", list.data ? list.data : "");
    text_free(&list);
    return ERR_INPUT;
}
