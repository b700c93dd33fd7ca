table = name.'.csv'
probes = 'copy select'
labels = "'attention of values to their keys' 'attention of the query to its value'"
do for [format in formats] {
    eval open(format, 17.5, 6.2)
    set multiplot
    do for [k=1:2] {
        probe = word(probes, k)
        eval panel(0.07 + 0.5 * (k - 1), 0.48 + 0.5 * (k - 1), 0.18, 0.9)
        set xlabel step_label
        set ylabel word(labels, k)
        set xrange [0:step_high]
        set yrange [0:1.03]
        eval key_above
        plot table using 'step':(of('accuracy', 'value')) with lines linestyle 8 dashtype 2 title k == 2 ? 'test accuracy' : '', \
            for [l=1:last_layer] table using 'step':(column('head') > 0 ? with_key(probe, 'layer', l, 'value') : NaN) \
                with lines linestyle style(l) linewidth 0.4, \
            for [l=1:last_layer] table using 'step':(column('head') == 0 ? with_key(probe, 'layer', l, 'value') : NaN) \
                with linespoints linestyle style(l) @curve title k == 1 ? sprintf('layer %g', l) : ''
    }
    unset multiplot
    unset output
}
