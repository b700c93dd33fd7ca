# Markdown, as far as the documents use it -> the man page plateau-NAME (roff with tables for tbl).
#   awk -v version=1.0 -f man.awk NAME.md
# Headings, paragraphs, lists of one level, fenced and indented blocks, tables (of two columns: as a list of terms), `code`, *emphasis*,
# **bold**, links (to NAME.md: as the man page of that name), pictures (left out).

function escape(s) { # characters that roff would take for its own, or typeset as others
    gsub(/\\/, "\\(rs", s)
    gsub(/-/, "\\-", s)
    gsub(/~/, "\\(ti", s)
    gsub(/\^/, "\\(ha", s)
    gsub(/`/, "\\(ga", s)
    gsub(/'/, "\\(aq", s)
    gsub(/"/, "\\(dq", s)
    return s
}

function guard(s) { return s ~ /^[.]/ ? "\\&" s : s } # a line of text is no request

function section(name) { return name ~ /^(studies|claims|formats)$/ ? 5 : 7 } # files; everything else

function link(text, target) {
    if (text == target && sub(/\.md$/, "", target))
        return "**plateau-" target "**(" section(target) ")"
    return text
}

function inline(s,    out, before, body) {
    while (match(s, /\[[^]]*\]\([^)]*\)/)) {
        before = substr(s, 1, RSTART - 1)
        body = substr(s, RSTART + 1, RLENGTH - 2)
        s = before link(substr(body, 1, index(body, "](") - 1), substr(body, index(body, "](") + 2)) substr(s, RSTART + RLENGTH)
    }
    out = ""
    while (match(s, /`[^`]+`|\*\*[^*]+\*\*|(^|[ (])\*[^ *]([^*]*[^ *])?\*|\\[|*_]/)) {
        before = substr(s, 1, RSTART - 1)
        body = substr(s, RSTART, RLENGTH)
        s = substr(s, RSTART + RLENGTH)
        if (body ~ /^[ (]/) {
            before = before substr(body, 1, 1)
            body = substr(body, 2)
        }
        out = out escape(before)
        if (body ~ /^\\/)
            out = out escape(substr(body, 2))
        else if (body ~ /^`/)
            out = out "\\fB" escape(substr(body, 2, length(body) - 2)) "\\fR"
        else if (body ~ /^\*\*/)
            out = out "\\fB" escape(substr(body, 3, length(body) - 4)) "\\fR"
        else
            out = out "\\fI" escape(substr(body, 2, length(body) - 2)) "\\fR"
    }
    return out escape(s)
}

function flush(    i, text) { # the paragraph or item that was collected
    if (paragraph != "")
        print guard(inline(paragraph))
    paragraph = ""
    if (rows)
        table()
    rows = 0
}

function cells(line, cell,    n, i) { # "| a | b |" -> cell[1], cell[2]
    gsub(/\\\|/, "\001", line)
    sub(/^ *\| */, "", line)
    sub(/ *\| *$/, "", line)
    n = split(line, cell, / *\| */)
    for (i = 1; i <= n; i++)
        gsub(/\001/, "|", cell[i])
    return n
}

function cell_text(s) { # names may break after _ and -
    s = inline(s)
    gsub(/_/, "_\\:", s)
    gsub(/\\-/, "&\\:", s)
    return guard(s)
}

function table(    i, j, n, cell, wide, format, line) {
    n = cells(row[1], cell)
    if (n == 2) {
        for (i = 3; i <= rows; i++) {
            cells(row[i], cell)
            printf ".TP\n%s\n%s\n", guard(inline(cell[1])), guard(inline(cell[2]))
        }
        print ".PP"
        return
    }
    for (i = 1; i <= rows; i++)
        for (j = cells(row[i], cell); j > 0; j--)
            if (i != 2 && length(cell[j]) > (j == 1 ? 16 : 24))
                wide[j] = 1
    for (j = 1; j <= n; j++)
        format = format " l" (j in wide ? "x" : "")
    gsub(/l/, "lb", format)
    line = format
    gsub(/lb/, "l", line)
    printf ".TS\nnokeep tab(\002);\n%s\n%s.\n", substr(format, 2), substr(line, 2)
    for (i = 1; i <= rows; i++) {
        if (i == 2)
            continue
        cells(row[i], cell)
        line = ""
        for (j = 1; j <= n; j++)
            line = line (j > 1 ? "\002" : "") (cell[j] == "" ? "" : j in wide ? "T{\n.nh\n.na\n" cell_text(cell[j]) "\nT}" : "\\&" inline(cell[j]))
        print line
    }
    print ".TE\n.PP"
}

function code(line) { print "\\&" escape(line) }

NR == 1 {
    name = FILENAME
    sub(/.*\//, "", name)
    sub(/\.md$/, "", name)
    page = "plateau-" name
    sub(/^# */, "")
    printf "'\\\" t\n.TH %s %s \"\" \"plateau %s\"\n.SH NAME\n%s \\- %s\n", toupper(page), section(name), version, escape(page), inline($0)
    print ".nh\n.ad l\n.SH DESCRIPTION" # names of keys and files are not to be hyphenated
    next
}
/^```/ {
    flush()
    print fenced ? ".EE\n.RE\n.PP" : ".RS 4\n.EX"
    fenced = !fenced
    next
}
fenced { code($0); next }
/^    / && !item {
    flush()
    printf "%s", indented ? gap : ".RS 4\n.EX\n"
    indented = 1
    gap = ""
    code(substr($0, 5))
    next
}
indented && /^$/ { gap = gap "\n"; next }
indented {
    print ".EE\n.RE\n.PP"
    indented = 0
    gap = ""
}
/^#/ {
    flush()
    item = 0
    text = $0
    sub(/^#+ */, "", text)
    print (/^###/ ? ".SS " : ".SH ") inline(text)
    next
}
/^$/ {
    flush()
    if (!after_blank)
        print ".PP"
    item = 0
    after_blank = 1
    next
}
{ after_blank = 0 }
/^!\[/ { next }
/^\|/ { if (!rows) flush(); row[++rows] = $0; next }
/^(- |[0-9]+\. )/ {
    flush()
    item = 1
    if (/^-/) print ".IP \\(bu 2"
    else printf ".IP %s 4\n", $1
    sub(/^[^ ]+ +/, "")
}
{ sub(/^ +/, ""); paragraph = paragraph (paragraph == "" ? "" : " ") $0 }
END {
    flush()
    if (indented)
        print ".EE\n.RE"
    print ".SH SEE ALSO\n.BR plateau (1)"
}
