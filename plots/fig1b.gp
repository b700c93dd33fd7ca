table = name.'.csv'
set xlabel time_label_thousands
set ylabel 'relative to the optimum'
set key at graph 0.01, graph 0.78 left samplen 1.4
set xrange [0:2e-3 * plateau]
set yrange [0:1.2]
set arrow from plateau / 1000, graph 0 to plateau / 1000, graph 1 nohead linestyle 9
set label 'plateau length' at plateau / 1000, graph 0.3 center rotate by 90 offset 1.4, 0
do for [format in formats] {
    eval open(format, 8.5, 5.6)
    eval panel(0.17, 0.97, 0.19, 0.97)
    plot 1 with lines linestyle 9, \
        table using (@thousands):(of('flow', 'w_relative')) with lines linestyle 1 title 'weights {/:Italic w} / √{/:Italic d}', \
        table using (@thousands):(of('flow', 'attention')) with lines linestyle 2 dashtype (8, 4) title 'attention {/:Italic α}'
    unset output
}
