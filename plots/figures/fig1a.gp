table = name.'.csv'
eval decades('y')
set xlabel time_label_thousands
set ylabel 'test loss'
set key at graph 0.43, graph 0.24 left
set xrange [0:1.25e-3 * longest]
set yrange [1e-3:1]
do for [format in formats] {
    eval open(format, 8.5, 5.6)
    eval panel(0.15, 0.97, 0.19, 0.95)
    plot level with lines linestyle 9, \
        for [i=1:words(ds)] table using (@thousands):(with_key('flow', 'd', word(ds, i), 'loss')) with lines linestyle style(i), \
        for [i=1:words(ds)] table using (@thousands):(0.3 * with_key('plateau', 'd', word(ds, i), 'loss')):('{/:Italic d} = '.word(ds, i)) \
            with labels left offset 1, 0 textcolor rgb colour[style(i)], \
        for [i=1:words(ds)] table using (@thousands):(with_key('plateau', 'd', word(ds, i), 'loss')) \
            with points linestyle style(i) pointtype 6 pointsize 1.1 linewidth 1, \
        table using (@thousands):(of('closed', 'loss')) with points linestyle 8 linewidth 0.8 pointtype 1 pointsize 0.9, \
        NaN with points linestyle 8 pointtype 6 pointsize 1.1 linewidth 1 title 'plateau length', \
        NaN with points linestyle 8 linewidth 0.8 pointtype 1 pointsize 0.9 title 'closed form'
    unset output
}
