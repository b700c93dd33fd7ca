#include "markup.h"
#include <stdarg.h>
#include <string.h>

/* A rule of the sheet does not end where a line of C does. */
/* clang-format off */
static const char style_sheet[] =
    ":root{color-scheme:light dark;--ink:#1b1d20;--soft:#5d6570;--line:#e2e5e9;--paper:#fff;--link:#00588f;--good:#0a7a50;--good-bg:#e1f3ea;--bad:#b3341a;--bad-bg:#fbe3dd;"
    "--known:#8f5a00;--known-bg:#fdf0d5;--open:#5d6570;--open-bg:#eff1f3;--fit:#00588f;--expected:#c06a00}"
    "@media(prefers-color-scheme:dark){:root{--ink:#e6e8eb;--soft:#9aa3ad;--line:#30353c;--paper:#15181c;--link:#7cc0f2;--good:#5fd0a0;--good-bg:#12332a;--bad:#ff9a80;--bad-bg:#41201a;"
    "--known:#f0c169;--known-bg:#3b2f15;--open:#9aa3ad;--open-bg:#23282e;--fit:#7cc0f2;--expected:#f0a850}}"
    "html{scroll-padding-top:1rem}body{font:16px/1.55 system-ui,'DejaVu Sans',sans-serif;color:var(--ink);background:var(--paper);max-width:74rem;margin:0 auto;padding:1.5rem 1.5rem 5rem}"
    "h1{font-size:1.9rem;line-height:1.2;margin:1rem 0}h2{font-size:1.35rem;margin:3.5rem 0 1rem;border-bottom:1px solid var(--line);padding-bottom:.3rem}h3{font-size:1.05rem;margin:2.2rem 0 .5rem}"
    "p{max-width:52rem}a{color:var(--link);text-underline-offset:.15em}small{color:var(--soft)}"
    ".wide{overflow-x:auto;margin:1rem 0}table{border-collapse:collapse;width:100%;font-size:.875rem;line-height:1.4}"
    "th{text-align:left;font-weight:600;color:var(--soft);border-bottom:2px solid var(--line);white-space:nowrap}td,th{padding:.4rem .9rem .4rem 0;vertical-align:top}"
    "td{border-bottom:1px solid var(--line);font-variant-numeric:tabular-nums}tr:not(.plain) td:first-child{white-space:nowrap}"
    "td b{display:inline-block;padding:0 .5rem;border-radius:.7rem;font-weight:600;white-space:nowrap}td:has(>b){min-width:8rem}"
    ".good b{color:var(--good);background:var(--good-bg)}.bad b{color:var(--bad);background:var(--bad-bg)}.known b{color:var(--known);background:var(--known-bg)}.open b{color:var(--open);background:var(--open-bg)}"
    "figure{margin:1rem 0}figure img{max-width:100%;height:auto;display:block;margin:auto;background:#fff;border-radius:4px}figure .close{display:none}figure .open{display:block;cursor:zoom-in}"
    "figure:target{position:fixed;inset:0;z-index:9;margin:0;padding:3rem 1rem 1rem;background:var(--paper);overflow:auto;display:flex;flex-direction:column;justify-content:center}"
    "figure:target .open{cursor:default}figure:target img{width:min(96vw,calc((100vh - 5rem)*1.6));max-height:calc(100vh - 5rem);object-fit:contain}figure:target .close{display:block;position:fixed;top:1rem;right:1.5rem}"
    ".panels{display:flex;flex-wrap:wrap;gap:1rem}.panels svg{flex:1 1 20rem;max-width:30rem;font-size:11px}.panels text{fill:var(--soft)}.panels .label{fill:var(--ink);font-size:12px}"
    ".panels path{fill:none;stroke-width:1.6}.grid{stroke:var(--line)}.panels .grid{stroke-width:1}.fit{stroke:var(--fit)}.expected{stroke:var(--expected);stroke-dasharray:5 4}"
    ".panels .points,.panels .cut{stroke-linecap:round;stroke-width:4.5;stroke:var(--ink);opacity:.55}.panels .cut{stroke:var(--expected)}.band{fill:var(--good-bg)}"
    "sup{line-height:0}.law{font-size:1.05rem}.law small{display:block}details{margin:.6rem 0}summary{cursor:pointer;color:var(--link)}details table{width:auto}"
    "@media(max-width:40rem){body{padding:1rem 1rem 4rem}h1{font-size:1.5rem}.wide thead{display:none}.wide table,.wide tbody,.wide tr,.wide td{display:block}.wide tr{border-bottom:1px solid var(--line);padding:.6rem 0}"
    ".wide td{border:0;padding:.1rem 0 .1rem 6rem;overflow-wrap:anywhere}.wide td::before{content:attr(data-head);float:left;width:5.5rem;margin-left:-6rem;color:var(--soft)}.panels svg{flex-basis:100%}}@media print{figure .open{cursor:auto}body{max-width:none}}";
/* clang-format on */

void markup_begin(struct markup *m, const char *title)
{
    if (!m->html)
        return;
    text_add(&m->out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>");
    text_add_html(&m->out, title);
    text_addf(&m->out, "</title>\n<style>%s</style>\n</head>\n<body>\n", style_sheet);
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

static void add_formatted(struct markup *m, const char *format, va_list arguments)
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
