table = name.'.csv'
medians = name.'-medians.csv'
rules = 'forecast twice odds'
names = "'forecast' 'twice the time' 'line in 1/odds'"
do for [format in formats] {
    eval open(format, 17.5, 6.8)
    set multiplot
    eval panel(0.07, 0.47, 0.17, 0.94)
    set xlabel 'time passed, relative to when attention arrives'
    set ylabel 'forecast / true'
    set xrange [0:1]
    set yrange [0.4:2]
    set title sprintf('%g runs', runs) offset 0, -0.6
    plot table using 'time':(of('forecast', 'low')):'high' with filledcurves linecolor rgb colour[6] fillstyle transparent solid 0.06, \
        table using 'time':(of('forecast', 'value')) with lines linestyle 1 linewidth 0.6, \
        1 with lines linestyle 9
    unset title
    eval panel(0.57, 0.985, 0.17, 0.86)
    set ylabel 'median of |ln(said/true)|'
    set yrange [0:1.03]
    set key at graph 0, graph 1.02 left bottom maxrows 2 samplen 1.5 width -6
    plot for [k=1:3] medians using 'time':(of(word(rules, k), 'error')) with linespoints linestyle k title word(names, k), \
        medians using 'time':(of('forecast', 'share')) with lines linestyle 9 title 'share of runs that speak'
    unset multiplot
    unset output
}
