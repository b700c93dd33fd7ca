table = name.'.csv'
quantities = 'loss_train loss_test w_repeated attention'
labels = "'training loss' 'test loss' '{/:Italic w} relative to the optimum' 'attention {/:Italic α}'"
do for [format in formats] {
    eval open(format, 17.5, 10)
    set multiplot
    do for [k=1:4] {
        left = k % 2 ? 0.08 : 0.57
        bottom = k > 2 ? 0.12 : 0.61
        eval panel(left, left + 0.40, bottom, bottom + 0.37)
        eval decades('x')
        set xrange [100:1e5]
        set xlabel k > 2 ? time_label : ''
        set ylabel word(labels, k)
        if (k <= 2) { eval decades('y'); set yrange [1e-5:1] } else { eval linear('y'); set yrange [0:*] }
        if (k == 1) { set key bottom left width 0 } else { set key top right width -4 }
        plot for [i=1:words(ps)] table using 'time':(with_key('flow', 'p', word(ps, i), word(quantities, k))) \
            with linespoints linestyle style(i) pointinterval 30 \
                title k == 1 ? '{/:Italic p} = '.word(ps, i) : '', \
            for [i=1:(k == 3 ? words(ps) : 0)] table using 'time':(with_key('flow', 'p', word(ps, i), 'w_across')) \
                with lines linestyle style(i) dashtype 2, \
            NaN with lines linestyle 8 title (k == 3 ? 'repeated direction' : ''), \
            NaN with lines linestyle 8 dashtype 2 title (k == 3 ? 'other directions' : '')
    }
    unset multiplot
    unset output
}
