table = name.'.csv'
quantities = 'loss w delta_a'
labels = "'test loss' 'value weights {/:Italic w}' 'score difference Δ{/:Italic a}'"
set xlabel time_label_thousands
set xrange [0:1.1e-3 * longest]
do for [format in formats] {
    eval open(format, 17.5, 5.4)
    set multiplot
    do for [k=1:3] {
        eval panel(0.085 + 0.325 * (k - 1), 0.325 + 0.325 * (k - 1), 0.20, 0.97)
        if (k == 1) { set yrange [0:*] } else { set yrange [(k == 2 ? -0.03 * w_high : 0):(k == 2 ? 1.1 * w_high : 1.5 * delta_a_high)] }
        set ylabel word(labels, k)
        if (k == 3) { set key top left } else { unset key }
        plot for [i=1:words(seeds)] table using (@thousands):(with_key('toy', 'seed', word(seeds, i), word(quantities, k))) \
            with lines linestyle style(i) linewidth 2, \
            for [i=1:words(seeds)] table using (@thousands):(with_key('flow', 'seed', word(seeds, i), word(quantities, k))) \
                with lines linestyle 8 linewidth 0.8 dashtype (6, 4), \
            NaN with lines linestyle 1 linewidth 2 title 'SGD, a colour a seed', \
            NaN with lines linestyle 8 linewidth 0.8 dashtype (6, 4) title 'flow, same start'
    }
    unset multiplot
    unset output
}
