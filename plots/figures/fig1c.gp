table = name.'.csv'
abscissa = 'T'
set xrange [T_low / 1.25:T_high * 1.25]
hues = ds
if (data eq '') { set yrange [value_low / 6:value_high * 5] } else { eval room(value_low, value_high, 5 * row, 3.5 * row) }
do for [format in formats] {
    eval open(format, 8.5, 7.2)
    set multiplot
    eval panel(0.17, 0.97, 0.16, 0.98)
    eval decades('x')
    eval decades('y')
    set xlabel 'sequence length {/:Italic T}'
    set ylabel plateau_label
    set key top left maxrows 3 width 0
    plot for [i=1:words(ds)] table using 'T':(with_key('eq6', 'd', word(ds, i), 'value')) \
        with lines linestyle style(i) linewidth 0.8 dashtype 2, \
        for [i=1:words(ds)] table using 'T':(with_key('law', 'd', word(ds, i), 'value')) \
            with lines linestyle style(i) linewidth 1, \
        for [i=1:words(ds)] table using 'T':(with_key('closed', 'd', word(ds, i), 'value')) \
            with lines linestyle 8 linewidth 1 dashtype 3, \
        for [i=1:words(ds)] table using 'T':(with_key('flow', 'd', word(ds, i), 'value')) \
            with points linestyle style(i) title '{/:Italic d} = '.word(ds, i)
    eval second_key('bottom right width -9')
    plot @simulated, \
        NaN with lines linestyle 8 linewidth 1 title 'fit: '.law.',  {/:Italic R}^2 = '.law_r2, \
        NaN with lines linestyle 8 linewidth 0.8 dashtype 2 title 'Eq. 6', \
        NaN with lines linestyle 8 linewidth 1 dashtype 3 title 'closed form, nothing fitted'
    unset multiplot
    unset output
}
