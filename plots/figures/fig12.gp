table = name.'.csv'
do for [format in formats] {
    eval open(format, 17.5, 6.2)
    set multiplot
    do for [k=1:2] {
        quantity = word('loss_train loss_test', k)
        eval panel(0.08 + 0.49 * (k - 1), 0.48 + 0.49 * (k - 1), 0.18, 0.9)
        set xlabel sprintf('%s   ({/:Italic T} = %g, {/:Italic d} = %g)', step_label, T, d)
        set ylabel word("'training' 'test'", k).' loss / null loss'
        set xrange [0:step_high]
        eval fine('y', value(quantity.'_low'), value(quantity.'_high'))
        set yrange [value(quantity.'_low') / 1.2:value(quantity.'_high') * 1.2]
        eval key_above
        plot for [p in ps] table using 'step':(chosen(column('p') == real(p), quantity)) \
            with linespoints linestyle style_of(ps, real(p)) @curve title value_name(ps, p, 'p')
    }
    unset multiplot
    unset output
}
