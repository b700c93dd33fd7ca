# What every figure shares: files, fonts, colours, axes. The script of a figure draws inside
#     do for [format in formats] { eval open(format, width, height) ... }
# with width and height in cm (a column of a two-column page is 8.5 wide, both are 17.5), and sets labels and keys.
set encoding utf8
set datafile separator comma
set datafile columnheaders
set datafile missing NaN   # so that rows of other series do not cut a line

# Fonts of 6.5 points and the same strokes in each format: a centimetre is 118.1 pixels of PNG (300 an inch) and 38 units of SVG.
# Verdana is at hand in browsers, and as wide as DejaVu Sans, which stands in for it elsewhere.
formats = 'pdf svg png'
pdf = "pdfcairo enhanced color size %gcm,%gcm font 'DejaVu Sans,6.5' fontscale 1 linewidth 2 pointscale 0.75"
svg = "svg enhanced size %g,%g dynamic font 'Verdana,9' linewidth 1.3 background 'white'"
png = "pngcairo enhanced color size %g,%g font 'DejaVu Sans,6.5' fontscale 4.17 linewidth 4.17 pointscale 2.3"
terminal(format, w, h) = format eq 'pdf' ? sprintf(pdf, w, h) : format eq 'svg' ? sprintf(svg, 38 * w, 38 * h) : \
    sprintf(png, int(118.1 * w), int(118.1 * h))
open(format, w, h) = sprintf("set terminal %s; set output '%s.%s'", terminal(format, w, h), name, format)

# Okabe and Ito's colours, which colour-blind readers tell apart, each with a point type of its own (filled; open is one less).
array colour[8] = ['#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#56B4E9', '#7F7F7F', '#000000']
array filled[8] = [7, 5, 9, 13, 11, 15, 7, 7]
do for [i=1:8] { set style line i linecolor rgb colour[i] linewidth 1.3 pointtype filled[i] pointsize 0.6 }
style(i) = (i - 1) % 7 + 1   # of the i-th value of a list
set style line 9 linecolor rgb '#000000' linewidth 1 dashtype 3   # marks and thresholds

keys = 'set key default noautotitle reverse Left samplen 1.8 spacing 1.1 '
eval keys
set border 3 linewidth 0.75
set errorbars small
set tics nomirror out scale 0.6
set format '%g'   # the default leaves a blank before the number
set xlabel offset 0, 0.35
set ylabel offset 0.7, 0

# A row of the table belongs to a curve by its series (and by the value of a key).
of(s, y) = strcol('series') eq s ? column(y) : NaN
with_key(s, key, value, y) = column(key) == value ? of(s, y) : NaN
measured(s, y) = column('censored') == 1 ? NaN : of(s, y)   # emerged
bound(s, y) = column('censored') == 1 ? of(s, y) : NaN      # not yet emerged: a lower bound

thousands = 'column("time") / 1000'
time_label_thousands = 'time (10^3 learning rate × steps)'
time_label = 'time (learning rate × steps)'
plateau_label = 'plateau length (lr × steps)'
linear(axis) = sprintf("unset logscale %s; set format %s '%%g'; set m%stics default; set %stics autofreq", axis, axis, axis, axis)
decades(axis) = sprintf("set logscale %s; set format %s '10^{%%T}'; set m%stics 10", axis, axis, axis)

# Simulations of the study and the user's own points over the column `abscissa`: mean and range over seeds; a run that has not
# emerged is a lower bound. The user's name for the file is not enhanced text.
if (!exists('simulation')) { simulation = '' }
simulated = simulation.data eq '' ? "NaN" : "for [s in simulation.' '.data] table \
        using (column(abscissa)):(measured(s, 'value')):'low':'high' with yerrorbars linestyle 8 linewidth 0.8 pointsize 0.8 \
        pointtype (s eq 'data' ? 4 : 6) title (s eq 'data' ? data_name : 'SGD on the model') noenhanced, \
    for [s in simulation.' '.data] table \
        using (column(abscissa)):(bound(s, 'value')) with points linestyle 8 linewidth 0.8 pointtype 8"

# Several panels on one page (`set multiplot` first): panel(left, right, bottom, top) in fractions of the page. second_key: what
# follows is drawn over the panel before it, with a key of its own and no axes; set labels and formats again after it.
panel(l, r, b, t) = 'set border 3; set tics scale 0.6; '.sprintf('set lmargin at screen %g; set rmargin at screen %g; ', l, r). \
    sprintf('set bmargin at screen %g; set tmargin at screen %g', b, t)
second_key(place) = "set border 0; set tics scale 0; set format ''; set xlabel ''; set ylabel ''; ".keys.place
