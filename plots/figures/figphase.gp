table = name.'.csv'
# Colours in four steps a decade; a dashed line of the theory where each begins.
steps = 4.0
first = floor(steps * log10(low)) / steps
last = ceil(steps * log10(high)) / steps
if (last < first + 2 / steps) { last = first + 2 / steps }
n = int(steps * (last - first) + 0.5)
stops = empty ? "-1 'white', 0 'white', " : ''   # where there is nothing: the lowest step
do for [i=0:n-1] { stops = stops.sprintf('%d %s, %d %s%s', i, colour_of(7.0 * i / (n - 1)), i + 1, colour_of(7.0 * i / (n - 1)), i < n - 1 ? ', ' : '') }
eval 'set palette defined ('.stops.')'
set cbrange [first - empty / steps:last]
ax(value) = x_log ? log10(value) : value   # place on the axis
ay(value) = y_log ? log10(value) : value
at(key, given, x, y) = x_name eq key ? 10**x : y_name eq key ? 10**y : given
inside(x, y) = !(at('B', B, x, y) > at('T', T, x, y) - 1)   # else there is no such problem
cut(x, y) = inside(x, y) ? y : NaN
if (theory ne '') {
    set table $contours
    set contour base
    set cntrparam levels incremental first, 1 / steps, last
    unset surface
    splot name.'-theory.csv' using (ax(column('x'))):(ay(column('y'))):(log10(column('value')))
    unset table
    set print $lines   # the same behind a header, which commonly read tables have
    print 'x y'
    do for [i=1:|$contours|] { print $contours[i] }
    set print
}
# Axes over the logarithm, with labels at powers of 2, or at 1, 2, 5, .. where there is none.
twos(axis, from, to) = sprintf("set %stics (); ", axis).sprintf("set for [e=0:30:%d] %stics add (sprintf('%%g', 2.0**e) log10(2.0**e))", \
    (to - from) / log10(2) > (axis eq 'x' ? 7 : 9) ? 2 : 1, axis)
ones(axis) = sprintf("set %stics (); set for [e=-6:6] for [m in '1 2 5'] %stics add (sprintf('%%g', m * 10.0**e) e + log10(m))", axis, axis)
ticks(axis, key, log, from, to) = !log ? sprintf("set %stics autofreq", axis) : \
    strstrt(' T d B pairs vocab width layers heads batch ', ' '.key.' ') ? twos(axis, from, to) : ones(axis)
title_of(key) = key eq 'T' ? 'sequence length {/:Italic T}' : key eq 'd' ? 'token dimension {/:Italic d}' : \
    key eq 'B' ? 'in-context repetition {/:Italic B}' : key eq 'p' ? 'cross-sample repetition {/:Italic p}' : \
    key eq 'pairs' ? 'pairs' : key eq 'vocab' ? 'vocabulary' : key eq 'lr' ? 'learning rate' : key
set cblabel plateau_name offset 0.8, 0
set cbtics () scale 0.3
set for [e=ceil(first):floor(last)] cbtics add (sprintf('10^{%d}', e) e)
if (empty) { set cbtics add ('none' first - 0.5 / steps) }
if (last - first < 1.5) { set for [e=floor(first):floor(last)] for [m in '2 5'] cbtics add (sprintf('%g', m * 10.0**e) e + log10(m)) }
set xrange [x_from:x_to]
set yrange [y_from:y_to]
set xlabel title_of(x_name)
set ylabel title_of(y_name)
eval keys.'at graph 0, graph 1.07 left bottom horizontal maxrows 1 samplen 1.8 width -1'
dx = (x_last - x_first) / (x_n - 1)
dy = (y_last - y_first) / (y_n - 1)
map = "name.'.npy' binary skip=header array=(x_n,y_n) format='%float32%float32%uint8' endian=little \
    origin=(x_first,y_first) dx=dx dy=dy using ($1 > 0 ? log10($1) : first - 1) with image"
cell = "(ax(column('x'))):(ay(column('y'))):(ax(column('x_from'))):(ax(column('x_to'))):(ay(column('y_from'))):(ay(column('y_to')))"
filled(s) = "table using @cell:(of('".s."', 'value') > 0 ? log10(column('value')) : NaN) with boxxyerror linecolor palette fillstyle solid noborder, "
marks(s, type) = "table using (ax(column('x'))):(strcol('series') eq '".s."' ? ay(column('y')) : NaN) \
    with points linestyle 8 linewidth 0.8 pointsize 0.9 pointtype ".type.", "
titled(text, type) = "NaN with points linestyle 8 linewidth 0.8 pointsize 0.9 pointtype ".type." title '".text."', "
cells = source eq 'map' ? '' : (n_emerged ? filled('emerged') : '').(n_censored ? filled('censored').marks('censored', 8) : ''). \
    (n_diverged ? marks('diverged', 2) : '').(n_censored ? titled('lower bound', 8) : '').(n_diverged ? titled('diverged', 2) : '')
lines = theory eq '' ? 'NaN' : "$lines using (real(word(strcol(1), 1))):(cut(real(word(strcol(1), 1)), real(word(strcol(1), 2)))) \
    with lines linecolor rgb 'black' linewidth 0.7 dashtype 2 title theory"
do for [format in formats] {
    eval open(format, 8.5, 7.4)
    eval panel(0.15, 0.79, 0.15, 0.88)
    eval ticks('x', x_name, x_log, x_from, x_to)
    eval ticks('y', y_name, y_log, y_from, y_to)
    set colorbox user origin screen 0.81, 0.15 size screen 0.025, 0.73
    set label 1 (source eq 'map' ? what : 'median over seeds, '.read_at) at graph 0, graph 1.035 left
    if (source eq 'map') { plot @map, @lines } else { plot @cells @lines }
    unset output
}
