table = name.'.csv'
set xrange [0:2e-3 * plateau]
set xlabel time_label_thousands
do for [format in formats] {
    eval open(format, 17.5, 5.6)
    set multiplot
    do for [k=1:2] {
        quantity = word('w delta_a', k)
        eval panel(k == 1 ? 0.075 : 0.585, k == 1 ? 0.465 : 0.975, 0.19, 0.95)
        eval decades('y')
        set yrange [k == 1 ? 1e-2 : 1e-4:1e2]
        set ylabel k == 1 ? 'value weights {/:Italic w}' : 'score difference Δ{/:Italic a}'
        set key bottom right
        unset arrow
        set arrow from linear_end / 1000, graph 0 to linear_end / 1000, graph 1 nohead linestyle 9
        plot table using (@thousands):(of('flow', quantity)) with lines linestyle 6 linewidth 3 title 'flow', \
            table using (@thousands):(of('linear', quantity)) with lines linestyle 2 dashtype 2 title 'linearised at the start', \
            NaN with lines linestyle 9 title '{/:Italic λt} = 1/2'
    }
    unset multiplot
    unset output
}
