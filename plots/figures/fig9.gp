table = name.'.csv'
quantities = 'loss w delta_a'
labels = "'test loss' 'value weights {/:Italic w}' 'score difference Δ{/:Italic a}'"
set xlabel time_label_thousands
set xrange [0:1.1e-3 * longest]
do for [format in formats] {
    eval open(format, 17.5, 5.4)
    set multiplot
    do for [k=1:3] {
        eval panel(0.07 + 0.33 * (k - 1), 0.315 + 0.33 * (k - 1), 0.19, 0.95)
        if (k == 1) { set yrange [0:*] } else { high = k == 2 ? w_high : delta_a_high; set yrange [-0.05 * high:1.1 * high] }
        set ylabel word(labels, k)
        if (k == 1) { set key bottom left } else { set key top left }
        plot for [i=1:words(seeds)] table using (@thousands):(with_key('toy', 'seed', word(seeds, i), word(quantities, k))) \
            with linespoints linestyle style(i) linewidth 2 pointsize 0.7 pointinterval 20 \
            title k == 1 ? 'SGD, seed '.word(seeds, i) : '', \
            for [i=1:words(seeds)] table using (@thousands):(with_key('flow', 'seed', word(seeds, i), word(quantities, k))) \
                with lines linestyle 8 linewidth 0.8 dashtype 2, \
            NaN with lines linestyle 8 linewidth 0.8 dashtype 2 title k == 3 ? 'flow, same start' : ''
    }
    unset multiplot
    unset output
}
