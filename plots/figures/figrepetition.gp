table = name.'.csv'
abscissa = 'B'
set logscale x 2
set xlabel 'in-context repetition {/:Italic B}'
set ylabel plateau_label
set xrange [B_low / 1.1:B_high * 1.1]
if (data eq '') { set yrange [value_low / 6:value_high * 1.6] } else { eval room(value_low, value_high, 6.5 * row, row) }
set key bottom left
eval decades('y')
do for [format in formats] {
    eval open(format, 8.5, 6.2)
    eval panel(0.17, 0.97, 0.17, 0.97)
    plot table using 'B':(of('tied', 'value')) with lines linestyle 6 linewidth 3 title 'gradient flow, tied scores', \
        table using 'B':(of('paper', 'value')) with lines linestyle 2 dashtype 2 title 'equations of the paper', \
        table using 'B':(of('full', 'value')) with lines linestyle 1 title 'gradient flow of the model', \
        @simulated
    unset output
}
