#include "plots/report/markup.h"
#include <stdarg.h>
#include <string.h>

/* The rules of a style sheet without line ends and the blanks before a line, which are for the eye. So no line of a
 * sheet ends where a blank is needed. */
static void add_style(struct text *out, const char *rules)
{
    while (*rules) {
        rules += strspn(rules, " \n");
        const size_t n = strcspn(rules, "\n");
        text_add_bytes(out, rules, n);
        rules += n;
    }
}

void markup_begin(struct markup *m, const char *title, const char *style_sheet)
{
    if (!m->html)
        return;
    text_add(&m->out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>");
    text_add_html(&m->out, title);
    text_add(&m->out, "</title>\n<style>");
    add_style(&m->out, style_sheet);
    text_add(&m->out, "</style>\n</head>\n<body>\n");
}

void markup_end(struct markup *m)
{
    if (m->html)
        text_add(&m->out, "</body>\n</html>\n");
}

/* Words are words: no element, no link, no end of a cell, nothing that a terminal acts on. */
static void add_words(struct markup *m, const char *words)
{
    for (const char *p = words; *p; p++) {
        const char one[] = {(unsigned char)*p < ' ' || *p == 0x7F ? ' ' : *p, '\0'};
        if (m->html) {
            text_add_html(&m->out, one);
        } else if (*p == '<') {
            text_add(&m->out, "&lt;");
        } else {
            text_add(&m->out, strchr("|[`\\", *one) ? "\\" : "");
            text_add(&m->out, one);
        }
    }
}

__attribute__((format(printf, 2, 0))) static void add_formatted(struct markup *m, const char *format, va_list arguments)
{
    char buffer[4096];
    vsnprintf(buffer, sizeof buffer, format, arguments);
    add_words(m, buffer);
}

void markup_heading(struct markup *m, int level, const char *anchor, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (m->html && anchor)
        text_addf(&m->out, "<h%d id=\"%s\">", level, anchor);
    else if (m->html)
        text_addf(&m->out, "<h%d>", level);
    else
        text_addf(&m->out, "%s%.*s ", m->out.length ? "\n" : "", level, "###");
    add_formatted(m, format, arguments);
    if (m->html)
        text_addf(&m->out, "</h%d>", level);
    text_add(&m->out, "\n");
    va_end(arguments);
}

void markup_paragraph(struct markup *m, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    text_add(&m->out, m->html ? "<p>" : "\n");
    add_formatted(m, format, arguments);
    text_add(&m->out, m->html ? "</p>\n" : "\n");
    va_end(arguments);
}

void markup_table(struct markup *m, const char *const *heads, size_t n)
{
    m->heads = heads;
    text_add(&m->out, m->html ? "<div class=\"wide\"><table>\n<thead><tr>" : "\n|");
    for (size_t i = 0; i < n; i++) {
        text_add(&m->out, m->html ? "<th>" : " ");
        add_words(m, heads[i]);
        text_add(&m->out, m->html ? "</th>" : " |");
    }
    text_add(&m->out, m->html ? "</tr></thead>\n<tbody>\n" : "\n|");
    for (size_t i = 0; !m->html && i < n; i++)
        text_add(&m->out, "---|");
    text_add(&m->out, m->html ? "" : "\n");
}

void markup_row(struct markup *m, const char *style, const struct markup_cell *cells, size_t n)
{
    if (m->html)
        text_addf(&m->out, "<tr class=\"%s\">", style);
    else
        text_add(&m->out, "|");
    for (size_t i = 0; i < n; i++) {
        bool leads = m->html && cells[i].link;
        if (m->html)
            text_addf(&m->out, "<td data-head=\"%s\">",
                      m->heads[i]); /* the style sheet shows it where the page is narrow */
        else
            text_add(&m->out, " ");
        const int emphasised = m->html ? cells[i].emphasised : 0;
        if (leads)
            text_addf(&m->out, "<a href=\"%s\">", cells[i].link);
        if (emphasised)
            text_addf(&m->out, "<b>%.*s</b> ", emphasised, cells[i].text);
        add_words(m, cells[i].text + emphasised + (emphasised ? strspn(cells[i].text + emphasised, ":, ") : 0));
        text_add(&m->out, leads ? "</a>" : "");
        text_add(&m->out, m->html ? "</td>" : " |");
    }
    text_add(&m->out, m->html ? "</tr>\n" : "\n");
}

void markup_table_end(struct markup *m)
{
    text_add(&m->out, m->html ? "</tbody>\n</table></div>\n" : "");
}

static void add_base64(struct text *out, const unsigned char *bytes, size_t n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < n; i += 3) {
        unsigned group =
            (unsigned)bytes[i] << 16 | (i + 1 < n ? (unsigned)bytes[i + 1] << 8 : 0) | (i + 2 < n ? bytes[i + 2] : 0);
        char four[4] = {digits[group >> 18], digits[group >> 12 & 63], i + 1 < n ? digits[group >> 6 & 63] : '=',
                        i + 2 < n ? digits[group & 63] : '='};
        text_add_bytes(out, four, 4);
    }
}

void markup_picture(struct markup *m, const struct text *svg, const char *anchor, const char *png, const char *pdf,
                    const char *alt)
{
    if (!m->html) {
        text_addf(&m->out, "\n[![");
        add_words(m, alt);
        text_addf(&m->out, "](%s)](%s)\n", png, pdf);
        return;
    }
    /* As data, not as elements: the names that gnuplot gives to its shapes repeat from picture to picture. */
    text_addf(&m->out,
              "<figure id=\"%s-large\"><a class=\"close\" href=\"#%s\">close</a><a class=\"open\" href=\"#%s-large\" "
              "title=\"enlarge\"><img alt=\"",
              anchor, anchor, anchor);
    text_add_html(&m->out, alt);
    text_add(&m->out, "\" src=\"data:image/svg+xml;base64,");
    add_base64(&m->out, (const unsigned char *)svg->data, svg->length);
    text_addf(&m->out, "\"></a></figure>\n");
}

void markup_html(struct markup *m, const char *html)
{
    text_add(&m->out, m->html ? html : "");
}

void markup_free(struct markup *m)
{
    text_free(&m->out);
}
