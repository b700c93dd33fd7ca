table = name.'.csv'
hops = '1 2 3'
on(series, k, d, y) = column('hops') == real(k) && column('d') == real(d) ? measured(series, y) : NaN
do for [format in formats] {
    eval open(format, 8.5, 8)
    set multiplot
    eval panel(0.17, 0.97, 0.13, 0.98)
    set xrange [T_low / 1.25:T_high * 1.25]
    eval decades('x')
    eval decades('y')
    eval room(value_low, value_high, 0, 7 * 0.043)
    set xlabel 'sequence length {/:Italic T}'
    set ylabel plateau_label
    set key top left
    eval no_halo
    plot for [k in hops] for [d in ds] table using 'T':(on('flow', k, d, 'value')) \
            with lines linestyle int(k) linewidth d eq word(ds, 1) ? 1.3 : 0.7 \
            title d eq word(ds, 1) ? k.(k eq '1' ? ' attention' : ' attentions') : '', \
        for [k in hops] for [d in ds] table using 'T':(on('closed', k, d, 'value')) \
            with lines linestyle 8 linewidth 0.6 dashtype 2 title k eq '2' && d eq word(ds, 1) ? 'closed form' : '', \
        for [k in hops] for [d in ds] table using 'T':(on('sgd', k, d, 'value')):'low':'high' \
            with yerrorbars linestyle int(k) linewidth 0.8 pointtype 6 pointsize 0.9, \
        NaN with points linestyle 8 pointtype 6 pointsize 0.9 title 'SGD on the model, {/:Italic d} = '.word(ds, 1), \
        NaN with lines linestyle 8 linewidth 0.7 title 'thin: larger {/:Italic d}'
    unset multiplot
    unset output
}
