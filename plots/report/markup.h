/* A document that is written once and comes out as HTML (self-contained: no script, nothing is loaded) or as
 * Markdown. */
#ifndef MARKUP_H
#define MARKUP_H
#include "base/text.h"

struct markup {
    bool html;
    struct text out;          /* owned */
    const char *const *heads; /* of the table that is being written; borrowed */
};

/* A cell of a table: plain text, and where it leads ("#fig-1a"; NULL: nowhere; Markdown has no such links). */
struct markup_cell {
    const char *text, *link;
    int emphasised; /* so many bytes at its beginning are a word in the colour of the row's style (HTML) */
};

/* Everything before the first heading. style_sheet: CSS, of which HTML gets a copy. */
void markup_begin(struct markup *m, const char *title, const char *style_sheet);
void markup_end(struct markup *m);
/* anchor: where links lead, or NULL. level 1 .. 3. */
void markup_heading(struct markup *m, int level, const char *anchor, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void markup_paragraph(struct markup *m, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A table: its head, rows (style: a class of the style sheet, which colours emphasised words), its end. */
void markup_table(struct markup *m, const char *const *heads, size_t n);
void markup_row(struct markup *m, const char *style, const struct markup_cell *cells, size_t n);
void markup_table_end(struct markup *m);
/* A picture under the heading `anchor`: HTML embeds `svg` (the file's content), and enlarges it over the page when it
 * is clicked, by a style for the target of a link; Markdown refers to `png` (a path) and leads to `pdf`. */
void markup_picture(struct markup *m, const struct text *svg, const char *anchor, const char *png, const char *pdf,
                    const char *alt);
/* A piece of HTML as it is; Markdown leaves it out. */
void markup_html(struct markup *m, const char *html);
void markup_free(struct markup *m);

#endif
