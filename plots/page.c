#include "page.h"
#include <math.h>
#include <string.h>

struct page_table *page_table(struct page *page, const char *suffix, const char *columns)
{
    struct page_table *table = &page->tables[page->n_tables++];
    snprintf(table->suffix, sizeof table->suffix, "%s", suffix);
    text_addf(&table->text, "series,%s\n", columns);
    table->columns = columns;
    for (int i = 0; i < PAGE_COLUMNS; i++) {
        table->low[i] = INFINITY;
        table->high[i] = -INFINITY;
    }
    return table;
}

bool page_column(const struct page_table *table, size_t i, char *name)
{
    const char *at = table->columns;
    for (; *at && i; i--)
        at += strcspn(at, ",") + (at[strcspn(at, ",")] == ',');
    snprintf(name, PAGE_COLUMN_NAME, "%.*s", (int)strcspn(at, ","), at);
    return *at;
}

void page_row(struct page_table *table, const char *series, size_t n, const double *values)
{
    text_add(&table->text, series);
    for (size_t i = 0; i < n; i++) {
        text_add(&table->text, ",");
        if (!isfinite(values[i]))
            continue;
        text_addf(&table->text, "%.8g", values[i]);
        table->high[i] = fmax(table->high[i], values[i]);
        table->low[i] = values[i] > 0 ? fmin(table->low[i], values[i]) : table->low[i];
    }
    text_add(&table->text, "\n");
}

void page_set_text(struct page *page, const char *name, const char *text)
{
    struct text *out = &page->assignments;
    text_addf(out, "%s = '", name);
    for (; *text; text++) { /* in single quotes gnuplot reads everything as it is but the quote */
        text_add(out, *text == '\'' ? "'" : "");
        text_add_bytes(out, (unsigned char)*text < ' ' ? "?" : text, 1);
    }
    text_add(out, "'\n");
}

void page_set_real(struct page *page, const char *name, double value)
{
    text_addf(&page->assignments, !isfinite(value) ? "%s = NaN\n" : "%s = %.8g\n", name, value);
}

void page_set_list(struct page *page, const char *name, const double *values, size_t n)
{
    text_addf(&page->assignments, "%s = '", name);
    for (size_t i = 0; i < n; i++)
        text_addf(&page->assignments, "%s%.8g", i ? " " : "", values[i]);
    text_add(&page->assignments, "'\n");
}

void page_set_ranges(struct page *page)
{
    const struct page_table *table = &page->tables[0];
    char name[PAGE_COLUMN_NAME];
    for (size_t i = 0; page_column(table, i, name); i++) {
        if (table->high[i] >= table->low[i]) /* else the column has no positive value */
            text_addf(&page->assignments, "%s_low = %.8g\n%s_high = %.8g\n", name, table->low[i], name, table->high[i]);
    }
}

enum status page_status(const struct page *page)
{
    enum status rc = text_status(&page->assignments);
    rc = rc == OK ? text_status(&page->binary) : rc;
    for (size_t i = 0; i < page->n_tables && rc == OK; i++)
        rc = text_status(&page->tables[i].text);
    return rc;
}

void page_free(struct page *page)
{
    for (size_t i = 0; i < page->n_tables; i++)
        text_free(&page->tables[i].text);
    text_free(&page->binary);
    text_free(&page->assignments);
    runs_free(&page->runs);
    runs_free(&page->more);
    runs_free(&page->data);
}
