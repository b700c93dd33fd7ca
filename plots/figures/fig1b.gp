table = name.'.csv'
set xlabel time_label_thousands
set ylabel 'relative to the optimum'
set key at graph 1, graph 0.45 right
set xrange [0:2e-3 * plateau]
set yrange [0:1.2]
set arrow from plateau / 1000, graph 0 to plateau / 1000, graph 1 nohead linestyle 9
set label 'plateau length' at plateau / 1000, graph 0.56 center rotate by 90 offset -1.6, 0
do for [format in formats] {
    eval open(format, 8.5, 5.6)
    eval panel(0.15, 0.97, 0.19, 0.95)
    plot 1 with lines linestyle 9, \
        table using (@thousands):(of('flow', 'w_relative')) with lines linestyle 1 title 'weights {/:Italic w} / √{/:Italic d}', \
        table using (@thousands):(of('flow', 'attention')) with lines linestyle 2 dashtype 2 title 'attention {/:Italic α}'
    unset output
}
