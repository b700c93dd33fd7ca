table = name.'.csv'
law_narrow = 1
eval no_halo
hues = ds
# Points of several d and T at the same abscissa stand side by side: colour by d, mark by T.
aside(T, d) = 1.03 ** (2 * style_of(ds, d) - 1 - words(ds) + 0.5 * (2 * style_of(Ts, T) - 1 - words(Ts)))
mark(T) = word('6 4 12 10 14', style_of(Ts, T)) + 0
do for [format in formats] {
    eval open(format, 17.5, 6.8)
    set multiplot
    do for [k=1:2] {
        abscissa = word('layers heads', k)
        kind = 'by_'.abscissa
        eval panel(0.08 + 0.49 * (k - 1), 0.48 + 0.49 * (k - 1), 0.16, 0.92)
        eval doublings('x')
        eval fine('y', value(kind.'_low'), value(kind.'_high'))
        set xrange [0.8:1.3 * (k == 1 ? layers_high : heads_high)]
        eval room(value(kind.'_low'), value(kind.'_high'), (exists('censored_low') ? 3.9 : 2.9) * row, 2.8 * row)
        set xlabel 'number of '.abscissa
        set title abscissa.law_r2('steps') offset 0, -0.6
        set ylabel 'steps, relative to one '.(k == 1 ? 'layer' : 'head')
        set key top left maxrows 2 width 0
        plot 1 with lines linestyle 7 linewidth 0.6, \
            table using (column(abscissa)):(of(kind.'_published', 'value')) with lines linestyle 8 linewidth 0.8 dashtype 3, \
            table using (column(abscissa)):(of(kind.'_law', 'value')) with lines linestyle 8 linewidth 1, \
            for [d in ds] for [T in Ts] table using (column(abscissa) * aside(real(T), real(d))): \
                (column('T') == real(T) ? shown(kind, d, 'value') : NaN):'low':'high' \
                with yerrorbars linestyle style_of(ds, real(d)) linewidth 0.8 pointsize 0.8 pointtype mark(real(T)), \
            for [d in ds] for [T in Ts] table using (column(abscissa) * aside(real(T), real(d))): \
                (column('T') == real(T) ? beyond(kind, d) : NaN) \
                with points linestyle style_of(ds, real(d)) linewidth 0.8 pointtype 8 pointsize 0.9, \
            for [d in ds] NaN with points linestyle style_of(ds, real(d)) pointtype 7 title '{/:Italic d} = '.d, \
            for [T in Ts] NaN with points linestyle 8 pointtype mark(real(T)) pointsize 0.8 title '{/:Italic T} = '.T
        unset title
        eval second_key('bottom right samplen 1 width -13')
        kind = 'steps'
        plot @law_keys
    }
    unset multiplot
    unset output
}
