table = name.'.csv'
abscissa = 'T'
predictions = 'eq6 closed quadrature'
titles = "'Eq. 6 (paper)' 'closed form' 'quadrature'"
set xrange [T_low / 1.25:T_high * 1.25]
set yrange [1e-4:value_high * (data eq '' ? 1e3 : 1e4)]
do for [format in formats] {
    eval open(format, 8.5, 7.2)
    set multiplot
    eval panel(0.18, 0.97, 0.16, 0.98)
    eval decades('x')
    eval decades('y')
    set xlabel 'sequence length {/:Italic T}'
    set ylabel 'difference from the flow (%)'
    set key top left width 0
    plot for [k=1:3] for [i=1:words(ds)] table using 'T':(with_key(word(predictions, k), 'd', word(ds, i), 'value')) \
            with linespoints linestyle k pointtype filled[style(i)] linewidth 0.8 pointsize 0.45, \
        for [k=1:3] NaN with lines linestyle k title word(titles, k), \
        @simulated
    eval second_key('top right width 0')
    plot for [i=1:words(ds)] NaN with points linestyle 8 pointtype filled[style(i)] title '{/:Italic d} = '.word(ds, i)
    unset multiplot
    unset output
}
