table = name.'.csv'
abscissa = 'B'
set xrange [B_low / 1.25:B_high * 1.25]
hues = ds
eval data eq '' ? room(value_low, value_high, 2.2 * row, 2 * row) : room(value_low, value_high, 4 * row, 3.7 * row)
do for [format in formats] {
    eval open(format, 8.5, 7.2)
    set multiplot
    eval panel(0.17, 0.97, 0.16, 0.98)
    set logscale x 2
    set format x '%g'
    eval decades('y')
    set xlabel 'in-context repetition {/:Italic B}'
    set ylabel plateau_label
    set key top right width 0 maxrows 3
    plot for [i=1:words(ds)] table using 'B':(with_key('law_full', 'd', word(ds, i), 'value')) \
        with lines linestyle style(i) linewidth 1, \
        for [i=1:words(ds)] table using 'B':(with_key('law_paper', 'd', word(ds, i), 'value')) \
            with lines linestyle style(i) linewidth 1 dashtype 2, \
        for [i=1:words(ds)] table using 'B':(with_key('paper', 'd', word(ds, i), 'value')) \
            with points linestyle style(i) pointtype filled[style(i)] - 1 linewidth 0.8, \
        for [i=1:words(ds)] table using 'B':(with_key('full', 'd', word(ds, i), 'value')) \
            with points linestyle style(i) title '{/:Italic d} = '.word(ds, i)
    eval second_key('bottom left width -9')
    plot @simulated, \
        NaN with linespoints linestyle 8 linewidth 1 title 'model: '.law_full, \
        NaN with linespoints linestyle 8 linewidth 1 dashtype 2 pointtype 6 title 'Eqs. of paper: '.law_paper
    unset multiplot
    unset output
}
