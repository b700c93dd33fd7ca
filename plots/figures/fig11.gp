table = name.'.csv'
do for [format in formats] {
    eval open(format, 8.5, 6.2)
    eval panel(0.17, 0.97, 0.18, 0.9)
    set xlabel sprintf('%s   ({/:Italic T} = %g)', step_label, T)
    set ylabel 'test loss / null loss'
    set xrange [0:step_high * 1.02]
    eval fine('y', loss_test_low, loss_test_high)
    set yrange [loss_test_low / 1.5:loss_test_high * 1.1]
    eval key_above
    plot level with lines linestyle 9, \
        for [d in ds] table using 'step':(chosen(column('d') == real(d), 'loss_test')) \
            with linespoints linestyle style_of(ds, real(d)) @curve title value_name(ds, d, 'd')
    unset output
}
