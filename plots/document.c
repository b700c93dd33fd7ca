#include "document.h"
#include <stdarg.h>

static const char style_sheet[] =
    "body{font:16px/1.5 system-ui,'DejaVu Sans',sans-serif;color:#1a1a1a;max-width:72rem;margin:0 auto;padding:1rem 1.5rem}"
    "h1{font-size:1.7rem;line-height:1.25}h2{margin-top:2.5rem;border-bottom:1px solid #ddd;padding-bottom:.2rem}"
    "table{border-collapse:collapse;width:100%;font-size:.875rem;margin:1rem 0}"
    "th{text-align:left;border-bottom:2px solid #888}td,th{padding:.3rem .7rem .3rem 0;vertical-align:top}"
    "td{border-bottom:1px solid #e4e4e4}tr:not(.plain) td:first-child{white-space:nowrap}"
    "img{max-width:100%;height:auto;display:block;margin:1rem auto}a{color:#00588f}"
    "tr:not(.plain) td:nth-child(2){padding-left:.5rem;border-left:3px solid}"
    ".good td:nth-child(2){background:#d9f0e3;border-left-color:#00875a}.bad td:nth-child(2){background:#f8d4cd;border-left-color:#c0391f}"
    ".known td:nth-child(2){background:#fdebc8;border-left-color:#d68910}.open td:nth-child(2){background:#ececec;border-left-color:#888}tr:not(.plain) td:nth-child(3){padding-left:.7rem}"
    "@media(max-width:50rem){table{display:block;overflow-x:auto}}";

void document_begin(struct document *d, const char *title)
{
    if (!d->html)
        return;
    text_add(&d->out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>");
    text_add_html(&d->out, title);
    text_addf(&d->out, "</title>\n<style>%s</style>\n</head>\n<body>\n", style_sheet);
}

void document_end(struct document *d)
{
    if (d->html)
        text_add(&d->out, "</body>\n</html>\n");
}

/* Markdown in a table: a bar would end the cell. */
static void add_words(struct document *d, const char *words)
{
    if (d->html) {
        text_add_html(&d->out, words);
        return;
    }
    for (const char *p = words; *p; p++) {
        if (*p == '|')
            text_add(&d->out, "\\");
        text_add_bytes(&d->out, *p == '\n' ? " " : p, 1);
    }
}

static void add_formatted(struct document *d, const char *format, va_list arguments)
{
    char buffer[4096];
    vsnprintf(buffer, sizeof buffer, format, arguments);
    add_words(d, buffer);
}

void document_heading(struct document *d, int level, const char *anchor, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (d->html && anchor)
        text_addf(&d->out, "<h%d id=\"%s\">", level, anchor);
    else if (d->html)
        text_addf(&d->out, "<h%d>", level);
    else
        text_addf(&d->out, "%s%.*s ", d->out.length ? "\n" : "", level, "###");
    add_formatted(d, format, arguments);
    if (d->html)
        text_addf(&d->out, "</h%d>", level);
    text_add(&d->out, "\n");
    va_end(arguments);
}

void document_paragraph(struct document *d, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    text_add(&d->out, d->html ? "<p>" : "\n");
    add_formatted(d, format, arguments);
    text_add(&d->out, d->html ? "</p>\n" : "\n");
    va_end(arguments);
}

void document_table(struct document *d, const char *const *heads, size_t n)
{
    text_add(&d->out, d->html ? "<table>\n<thead><tr>" : "\n|");
    for (size_t i = 0; i < n; i++) {
        text_add(&d->out, d->html ? "<th>" : " ");
        add_words(d, heads[i]);
        text_add(&d->out, d->html ? "</th>" : " |");
    }
    text_add(&d->out, d->html ? "</tr></thead>\n<tbody>\n" : "\n|");
    for (size_t i = 0; !d->html && i < n; i++)
        text_add(&d->out, "---|");
    text_add(&d->out, d->html ? "" : "\n");
}

void document_row(struct document *d, const char *style, const struct document_cell *cells, size_t n)
{
    if (d->html)
        text_addf(&d->out, "<tr class=\"%s\">", style);
    else
        text_add(&d->out, "|");
    for (size_t i = 0; i < n; i++) {
        bool leads = d->html && cells[i].link;
        text_add(&d->out, d->html ? "<td>" : " ");
        if (leads)
            text_addf(&d->out, "<a href=\"%s\">", cells[i].link);
        add_words(d, cells[i].text);
        text_add(&d->out, leads ? "</a>" : "");
        text_add(&d->out, d->html ? "</td>" : " |");
    }
    text_add(&d->out, d->html ? "</tr>\n" : "\n");
}

void document_table_end(struct document *d)
{
    text_add(&d->out, d->html ? "</tbody>\n</table>\n" : "");
}

static void add_base64(struct text *out, const unsigned char *bytes, size_t n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < n; i += 3) {
        unsigned group = (unsigned)bytes[i] << 16 | (i + 1 < n ? (unsigned)bytes[i + 1] << 8 : 0) | (i + 2 < n ? bytes[i + 2] : 0);
        char four[4] = {digits[group >> 18], digits[group >> 12 & 63], i + 1 < n ? digits[group >> 6 & 63] : '=',
                        i + 2 < n ? digits[group & 63] : '='};
        text_add_bytes(out, four, 4);
    }
}

void document_picture(struct document *d, const struct text *svg, const char *png, const char *pdf, const char *alt)
{
    if (!d->html) {
        text_addf(&d->out, "\n[![");
        add_words(d, alt);
        text_addf(&d->out, "](%s)](%s)\n", png, pdf);
        return;
    }
    /* As data, not as elements: the names that gnuplot gives to its shapes repeat from picture to picture. */
    text_addf(&d->out, "<a href=\"%s\"><img alt=\"", pdf);
    text_add_html(&d->out, alt);
    text_add(&d->out, "\" src=\"data:image/svg+xml;base64,");
    add_base64(&d->out, (const unsigned char *)svg->data, svg->length);
    text_add(&d->out, "\"></a>\n");
}

void document_free(struct document *d)
{
    text_free(&d->out);
}
