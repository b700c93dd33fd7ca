table = name.'.csv'
do for [format in formats] {
    eval open(format, 17.5, 5.6)
    set multiplot
    unset arrow
    eval decades('x')
    eval decades('y')
    eval panel(0.075, 0.315, 0.19, 0.95)
    set xrange [attention_low:1]
    set yrange [0.1:200]
    set xtics autofreq
    set xlabel 'attention {/:Italic α}'
    set ylabel 'value weights {/:Italic w}'
    set key bottom right width 0
    plot table using 'attention':(of('equilibrium', 'w_infinity')) \
        with lines linestyle 6 linewidth 3 title 'equilibrium {/:Italic w}_∞({/:Italic α})', \
        table using 'attention':(of('flow', 'w')) with lines linestyle 1 title 'flow'
    eval panel(0.405, 0.645, 0.19, 0.95)
    set xrange [1:time_high]
    set xtics 1, 100
    unset mxtics
    set xlabel time_label
    set arrow from plateau, graph 0 to plateau, graph 1 nohead linestyle 9
    set key top right samplen 1 width -2
    plot table using 'time':(of('flow', 'w_infinity')) \
        with lines linestyle 6 linewidth 3 title '{/:Italic w}_∞({/:Italic α}({/:Italic t}))', \
        table using 'time':(of('flow', 'w')) with lines linestyle 1 title '{/:Italic w}({/:Italic t})'
    eval panel(0.745, 0.985, 0.19, 0.95)
    set yrange [1e-8:10 * eigenvalue_2_high]
    set ylabel 'Hessian eigenvalue'
    set key bottom left samplen 1.5 width 0
    unset arrow
    set label '1/{/:Italic d}' at 2, 1.0 / d offset 0, 0.7
    plot 1.0 / d with lines linestyle 9, \
        table using 'time':(of('flow', 'eigenvalue_2')) with lines linestyle 1 title 'larger', \
        table using 'time':(of('flow', 'eigenvalue_1') > 0 ? column('eigenvalue_1') : NaN) \
            with lines linestyle 2 title 'smaller, > 0', \
        table using 'time':(of('flow', 'eigenvalue_1') < 0 ? -column('eigenvalue_1') : NaN) \
            with lines linestyle 2 dashtype 2 title 'smaller, < 0'
    unset label
    unset multiplot
    unset output
}
