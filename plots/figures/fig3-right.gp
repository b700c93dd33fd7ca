table = name.'.csv'
mark(lr) = word('6 4 12 10 14', style_of(lrs, lr)) + 0   # open marks, one for each learning rate
set xrange [-0.05:1]
eval room(value_low, value_high, (exists('censored_low') ? 3.8 : 2.8) * row, 2.8 * row)
do for [format in formats] {
    eval open(format, 8.5, 7.2)
    set multiplot
    eval panel(0.17, 0.97, 0.16, 0.98)
    set xlabel sprintf('cross-sample repetition {/:Italic p}   ({/:Italic T} = %g)', T_high)
    set ylabel 'steps to 0.8 of the null loss'
    eval linear('x')
    eval fine('y', value_low, value_high)
    set key top left maxrows 2 width 0
    plot for [d in ds] table using 'p':(with_key('best', 'd', real(d), 'value')) \
            with lines linestyle style_of(ds, real(d)) title '{/:Italic d} = '.d, \
        for [lr in lrs] for [d in ds] table \
            using 'p':(column('lr') == real(lr) ? shown('steps', d, 'value') : NaN):'low':'high' \
            with yerrorbars linestyle style_of(ds, real(d)) linewidth 0.8 pointsize 0.8 pointtype mark(real(lr)), \
        for [d in ds] table using 'p':(beyond('steps', d)) with points linestyle style_of(ds, real(d)) linewidth 0.8 pointtype 8 pointsize 0.9
    eval second_key('bottom left width -2')
    plot for [lr in lrs] NaN with points linestyle 8 linewidth 0.8 pointsize 0.8 pointtype mark(real(lr)) title 'learning rate '.lr, \
        @bound_key
    unset multiplot
    unset output
}
