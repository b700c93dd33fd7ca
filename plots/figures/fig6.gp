table = name.'.csv'
landscape = name.'-landscape.csv'
lowest = -4   # log10 of the loss at the lower end of the colours, which have four steps a decade
set table $contours
set contour base
set cntrparam levels incremental lowest, 0.25, 1
unset surface
splot landscape using 'w':'delta_a':(log10(column('loss')))
unset table
set print $lines   # the same behind a header; without commas all of a line is column 1
print 'w delta_a loss'
do for [i=1:|$contours|] { print $contours[i] }
set print
set palette maxcolors 4 * -lowest defined (0 '#08306b', 1 '#2171b5', 2 '#6baed6', 3 '#c6dbef', 4 '#ffffff')
set cbrange [lowest:0]
set cblabel 'loss' offset -0.5, 0
set format cb '10^{%.0f}'
set cbtics 1 scale 0.3
set xlabel 'value weights {/:Italic w}'
set ylabel 'score difference Δ{/:Italic a}'
set xrange [0:1.4 * optimum]
set yrange [0:1.15 * final]
set key at graph 0.99, graph 0.27 right
do for [format in formats] {
    eval open(format, 8.5, 7)
    eval panel(0.14, 0.80, 0.16, 0.96)
    set colorbox user origin screen 0.82, 0.16 size screen 0.025, 0.80
    plot landscape using 'w':'delta_a':(log10(column('loss'))) with image, \
        $lines using (real(word(strcol(1), 1))):(real(word(strcol(1), 2))) with lines linecolor rgb '#4292c6' linewidth 0.3, \
        table using (of('equilibrium', 'w')):'delta_a' \
            with lines linestyle 5 dashtype 2 title 'equilibrium {/:Italic w}_∞', \
        table using (of('flow', 'w')):'delta_a' with lines linestyle 2 linewidth 1.8 title 'flow', \
        table using (of('plateau', 'w')):'delta_a' with points linestyle 8 pointsize 0.8 title 'plateau ends'
    unset output
}
