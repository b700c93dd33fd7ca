table = name.'.csv'
do for [format in formats] {
    eval open(format, 8.5, 6.2)
    eval panel(0.15, 0.97, 0.18, 0.9)
    set xlabel step_label
    set ylabel sprintf('test accuracy  (vocabulary %g)', vocab)
    set xrange [step_low:step_high * 1.1]
    set yrange [0:1.03]
    eval fine('x', step_low, step_high)
    eval key_above
    plot for [v in pairs_values] table using 'step':(with_key('any_value', 'pairs', real(v), 'accuracy_test')) \
            with lines linestyle style_of(pairs_values, real(v)) linewidth 0.8 dashtype 3, \
        level with lines linestyle 9, \
        for [v in pairs_values] table using 'step':(chosen(column('pairs') == real(v), 'accuracy_test')) \
            with linespoints linestyle style_of(pairs_values, real(v)) @curve title v.(v eq word(pairs_values, 1) ? ' pairs' : ''), \
        for [v in pairs_values] table using 'step':(with_key('halfway', 'pairs', real(v), 'accuracy_test')) \
            with points linestyle style_of(pairs_values, real(v)) pointtype 6 pointsize 1.3 linewidth 1
    unset output
}
