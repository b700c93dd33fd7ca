# What every figure shares: files, fonts, colours, axes. The script of a figure draws inside
#     do for [format in formats] { eval open(format, width, height) ... }
# with width and height in cm (a column of a two-column page is 8.5 wide, both are 17.5), and sets labels and keys.
set encoding utf8
set datafile separator comma
set datafile columnheaders
set datafile missing NaN   # so that rows of other series do not cut a line

# Text of 7 points and the same strokes in each format: a centimetre is 118.1 pixels of PNG (300 an inch) and 38 units of SVG, and
# Cairo takes a point of a font for a 72nd of 96 units: 0.75 x 7 of them in the PDF, 0.75 x 4.17 x 7 pixels in the PNG.
# Verdana is at hand in browsers, and as wide as DejaVu Sans, which stands in for it elsewhere.
formats = 'pdf svg png'
pdf = "pdfcairo enhanced color size %gcm,%gcm font 'DejaVu Sans,7' fontscale 0.75 linewidth 2 pointscale 0.7"
svg = "svg enhanced size %g,%g dynamic font 'Verdana,9' linewidth 1.3 background 'white'"
png = "pngcairo enhanced color size %g,%g font 'DejaVu Sans,7' fontscale 3.13 linewidth 4.17 dashlength 0.5 pointscale 3.2"
terminal(format, w, h) = format eq 'pdf' ? sprintf(pdf, w, h) : format eq 'svg' ? sprintf(svg, 38 * w, 38 * h) : \
    sprintf(png, int(118.1 * w), int(118.1 * h))
# key_width: columns by which an entry of a key is narrowed. SVG takes letters for wider than they are, and what finds no room in
# a key of one row is not drawn.
open(format, w, h) = sprintf("set terminal %s; set output '%s.%s'; key_width = %d", terminal(format, w, h), name, format, \
    format eq 'svg' ? -2 : -1)

# Okabe and Ito's colours, which colour-blind readers tell apart, each with a point type of its own (filled; open is one less).
array colour[8] = ['#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#56B4E9', '#7F7F7F', '#000000']
array filled[8] = [7, 5, 9, 13, 11, 15, 7, 7]
do for [i=1:8] {
    set style line i linecolor rgb colour[i] linewidth 1.3 pointtype filled[i] pointsize 0.6
    set linetype i linecolor rgb colour[i]   # for `linecolor variable`
}
style(i) = (i - 1) % 7 + 1   # of the i-th value of a list
style_of(list, value) = (place = sum [k=1:words(list)] (value == real(word(list, k)) ? k : 0), place ? style(place) : 8)
set style line 9 linecolor rgb '#000000' linewidth 1 dashtype 3   # marks and thresholds

keys = 'set key default noautotitle reverse Left samplen 1.8 spacing 1.1 '
eval keys
set border 3 linewidth 0.75
set errorbars small
set tics nomirror out scale 0.6
set format '%g'   # the default, '% h', begins with a blank and puts the label beside its tick
set xlabel offset 0, 0.35
set ylabel offset 0.7, 0

# A row of the table belongs to a curve by its series (and by the value of a key).
of(s, y) = strcol('series') eq s ? column(y) : NaN
with_key(s, key, value, y) = column(key) == value ? of(s, y) : NaN
measured(s, y) = column('censored') == 1 ? NaN : of(s, y)   # emerged
bound(s, y) = column('censored') == 1 ? of(s, y) : NaN      # not yet emerged: a lower bound

# Shades for a number: colour_of(u), u from 0 to 7, dark to light (the colour map viridis of matplotlib).
viridis = '440154 46327e 365c8d 277f8e 1fa187 4ac16d a0da39 fde725'
channel(k, i) = real(int('0x'.substr(word(viridis, k), 2 * i - 1, 2 * i)))
between(u, i) = (k = u < 7 ? int(u) + 1 : 7, int(channel(k, i) + (u - k + 1) * (channel(k + 1, i) - channel(k, i)) + 0.5))
colour_of(u) = sprintf("'#%02x%02x%02x'", between(u, 1), between(u, 2), between(u, 3))

thousands = 'column("time") / 1000'
time_label_thousands = 'time (10^3 learning rate × steps)'
time_label = 'time (learning rate × steps)'
plateau_label = 'plateau length (lr × steps)'
linear(axis) = sprintf("unset logscale %s; set format %s '%%g'; set m%stics default; set %stics autofreq", axis, axis, axis, axis)
decades(axis) = sprintf("set logscale %s; set format %s '10^{%%T}'; set m%stics 10", axis, axis, axis)

# A logarithmic y axis from low to high, with fractions of its height below and above that are free for keys.
room(low, high, below, above) = sprintf('set yrange [%g:%g]', low * (low / high)**(below / (1.0 - below - above)), \
    high * (high / low)**(above / (1.0 - below - above)))
row = 0.058   # of the height of a panel of 5.9 cm, for a row of a key

# Simulations of the study and the user's own points over the column `abscissa`: mean and range over seeds; a run that has not
# emerged is a lower bound. They are black, or take the colour of the value of key `hue` in the list `hues` (set both after this
# file). The user's name for the file is not enhanced text.
if (!exists('simulation')) { simulation = '' }
hue = 'd'
hues = ''
simulated = simulation.data eq '' ? "NaN" : "for [s in simulation.' '.data] table \
        using (column(abscissa)):(measured(s, 'value')):'low':'high':(style_of(hues, column(hue))) \
        with yerrorbars linecolor variable linewidth 0.8 pointsize 0.9 pointtype (s eq 'data' ? 4 : 6), \
    for [s in simulation.' '.data] table using (column(abscissa)):(bound(s, 'value')):(style_of(hues, column(hue))) \
        with points linecolor variable linewidth 0.8 pointtype 8, \
    for [s in simulation.' '.data] NaN with yerrorbars linestyle 8 linewidth 0.8 pointsize 0.9 \
        pointtype (s eq 'data' ? 4 : 6) title (s eq 'data' ? data_name : 'SGD on the model') noenhanced"

# Steps of Transformers over the column `abscissa`, with the colour of the key `hue`: the runs of series `kind` (mean and range over
# seeds; not emerged: a lower bound), the law fitted to them and the published one. law_keys draws their names.
steps_label = 'plateau length (steps)'
shown(kind, value, y) = column(hue) == real(value) ? measured(kind, y) : NaN
beyond(kind, value) = column(hue) == real(value) ? bound(kind, 'value') : NaN
laws = "for [v in hues] table using (column(abscissa)):(with_key(kind.'_published', hue, real(v), 'value')) \
        with lines linestyle style_of(hues, real(v)) linewidth 0.8 dashtype 3, \
    for [v in hues] table using (column(abscissa)):(with_key(kind.'_law', hue, real(v), 'value')) \
        with lines linestyle style_of(hues, real(v)) linewidth 1, \
    for [v in hues] table using (column(abscissa)):(beyond(kind, v)) \
        with points linestyle style_of(hues, real(v)) linewidth 0.8 pointtype 8 pointsize 0.9, \
    for [v in hues] table using (column(abscissa)):(shown(kind, v, 'value')):'low':'high' \
        with yerrorbars linestyle style_of(hues, real(v)) linewidth 0.8"
hue_keys = "for [v in hues] NaN with points linestyle style_of(hues, real(v)) title hue_name.' = '.v"
law_r2(kind) = value(kind.'_law_r2') eq '' ? '' : sprintf(',  {/:Italic R}^2 = %.3f', real(value(kind.'_law_r2')))
law_name(kind) = value(kind.'_law') eq '' ? '' : 'fit: '.value(kind.'_law').(law_narrow ? '' : law_r2(kind))
law_narrow = 0   # R^2 finds no room in the key
bound_key = "NaN with points linestyle 8 linewidth 0.8 pointtype 8 pointsize 0.9 \
    title (exists('censored_low') ? 'not yet emerged' : '')"
law_keys = "NaN with lines linestyle 8 linewidth 1 title law_name(kind), \
    NaN with lines linestyle 8 linewidth 0.8 dashtype 3 title 'published: '.value(kind.'_published'), \
    ".bound_key
no_halo = 'set pointsize 0.1'   # of the white ring around a mark, which hides a short error bar; marks have sizes of their own
# Draws a panel of them, with both keys, that of the laws at `law_keys_at`; the panel, its labels and titles are set before.
law_panel = "eval no_halo; eval law_x; eval fine('y', value(kind.'_low'), value(kind.'_high')); \
    hue_rows = words(hues) > 4 ? 3 : 2; set key maxrows hue_rows width key_width; \
    eval room(value(kind.'_low'), value(kind.'_high'), (exists('censored_low') ? 3.9 : 2.9) * row, (hue_rows + 0.8) * row); \
    plot ".laws.', '.hue_keys."; unset title; eval second_key(law_keys_at); plot ".law_keys
law_x = "eval doublings('x')"
# Axes with labels at 1, 2, 5, .. (at more for less than a decade, at decades alone for many), and at powers of 2.
fine(axis, low, high) = high > 50 * low ? sprintf('set %stics autofreq; ', axis).decades(axis) : \
    sprintf("set logscale %s; set format %s '%%g'; set m%stics 10; set %stics (1); ", axis, axis, axis, axis). \
    sprintf("set for [e=-2:6] for [m in '%s'] %stics add (m * 10.0**e)", high > 8 * low ? '1 2 5' : '1 1.2 1.5 2 3 4 5 6 8', axis)
doublings(axis) = sprintf("set logscale %s 2; set format %s '%%g'; unset m%stics; set %stics (1); ", axis, axis, axis, axis). \
    sprintf("set for [e=1:20] %stics add (2**e)", axis)

# Several panels on one page (`set multiplot` first): panel(left, right, bottom, top) in fractions of the page. second_key: what
# follows is drawn over the panel before it, with a key of its own and no axes; set labels and formats again after it.
panel(l, r, b, t) = 'set border 3; set tics scale 0.6; '.sprintf('set lmargin at screen %g; set rmargin at screen %g; ', l, r). \
    sprintf('set bmargin at screen %g; set tmargin at screen %g', b, t)
second_key(place) = "set border 0; set tics scale 0; set format ''; set xlabel ''; set ylabel ''; ".keys.place

# Training curves: a line for each run, with a few marks, of the runs for which a condition holds; the key stands above the panel.
chosen(condition, y) = condition ? of('run', y) : NaN
step_label = 'training step'
key_above = 'set key at graph 0, graph 1.02 left bottom horizontal maxrows 1 samplen 1.5 width key_width'
value_name(list, v, key) = v eq word(list, 1) ? '{/:Italic '.key.'} = '.v : v
curve = 'linewidth 1 pointnumber 6 pointsize 0.5'
# Recall with in-context repetition (k = 1: B, without p) and with cross-sample repetition (k = 2: p, at B = 1).
repetition_panel = "set xlabel step_label; set xrange [0:step_high]; set yrange [0:1.03]; eval key_above; \
    plot for [v in values] table using 'step': \
        (chosen(k == 1 ? column('B') == real(v) && column('p') == 0 : column('p') == real(v) && column('B') == 1, quantity)) \
        with linespoints linestyle style_of(values, real(v)) ".curve." title value_name(values, v, k == 1 ? 'B' : 'p')"
