table = name.'.csv'
set logscale x 2
set xlabel sprintf('token dimension {/:Italic d}   ({/:Italic T} = %g)', T)
set ylabel plateau_label
set xrange [d_low / 1.15:d_high * 1.15]
eval room(value_low, value_high, 0.5 * row, 5.6 * row)
set key top left
eval doublings('x')
eval decades('y')
do for [format in formats] {
    eval open(format, 8.5, 6.2)
    eval panel(0.17, 0.97, 0.17, 0.97)
    plot table using 'd':(of('none', 'value')) with linespoints linestyle 8 title 'no repetition', \
        table using 'd':(of('constant', 'value')) with linespoints linestyle 2 title 'best constant {/:Italic p}', \
        table using 'd':(of('half', 'value')) with linespoints linestyle 3 title 'best {/:Italic p} until attention is 1/2, then 0', \
        table using 'd':(of('early', 'value')) with linespoints linestyle 1 title '{/:Italic p} = 0.99 until attention is 0.1 or 0.2, then 0'
    unset output
}
