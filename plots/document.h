/* A document that is written once and comes out as HTML (self-contained: no script, nothing is loaded) or as
 * Markdown. */
#ifndef DOCUMENT_H
#define DOCUMENT_H
#include "text.h"

struct document {
    bool html;
    struct text out;          /* owned */
    const char *const *heads; /* of the table that is being written; borrowed */
};

/* A cell of a table: plain text, and where it leads ("#fig-1a"; NULL: nowhere; Markdown has no such links). */
struct document_cell {
    const char *text, *link;
    int emphasised; /* so many bytes at its beginning are a word in the colour of the row's style (HTML) */
};

/* Everything before the first heading. */
void document_begin(struct document *d, const char *title);
void document_end(struct document *d);
/* anchor: where links lead, or NULL. level 1 .. 3. */
void document_heading(struct document *d, int level, const char *anchor, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void document_paragraph(struct document *d, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A table: its head, rows (style: a class of document.c's style sheet, which colours emphasised words), its end. */
void document_table(struct document *d, const char *const *heads, size_t n);
void document_row(struct document *d, const char *style, const struct document_cell *cells, size_t n);
void document_table_end(struct document *d);
/* A picture under the heading `anchor`: HTML embeds `svg` (the file's content), and enlarges it over the page when it
 * is clicked, by a style for the target of a link; Markdown refers to `png` (a path) and leads to `pdf`. */
void document_picture(struct document *d, const struct text *svg, const char *anchor, const char *png, const char *pdf,
                      const char *alt);
/* A piece of HTML as it is; Markdown leaves it out. */
void document_html(struct document *d, const char *html);
void document_free(struct document *d);

#endif
