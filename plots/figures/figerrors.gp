table = name.'.csv'
abscissa = 'T'
predictions = 'eq6 closed quadrature'
titles = "'Eq. 6 (paper)' 'closed form' 'quadrature'"
set xrange [T_low / 1.25:T_high * 1.25]
# The keys stand between Eq. 6 and the rest, where the study has nothing; above all if there are points of the user's.
if (data eq '') { set yrange [1e-4:value_high * 2] } else { eval room(1e-4, value_high, 0, 6 * row) }
key(side, x) = data eq '' ? sprintf('at graph %g, first 50 top %s ', x, side) : sprintf('top %s ', side)
do for [format in formats] {
    eval open(format, 8.5, 7.2)
    set multiplot
    eval panel(0.18, 0.97, 0.16, 0.98)
    eval decades('x')
    eval decades('y')
    set xlabel 'sequence length {/:Italic T}'
    set ylabel 'difference from the flow (%)'
    eval 'set key width 0 '.key('left', 0.03)
    plot for [k=1:3] for [i=1:words(ds)] table using 'T':(with_key(word(predictions, k), 'd', word(ds, i), 'value')) \
            with linespoints linestyle k dashtype k == 2 ? 2 : 1 pointtype filled[style(i)] linewidth 0.8 pointsize 0.45, \
        for [k=1:3] NaN with lines linestyle k dashtype k == 2 ? 2 : 1 title word(titles, k)
    eval second_key(key('right', 1).'width 0')
    plot for [i=1:words(ds)] NaN with points linestyle 8 pointtype filled[style(i)] title '{/:Italic d} = '.word(ds, i), \
        @simulated
    unset multiplot
    unset output
}
