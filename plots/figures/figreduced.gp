table = name.'.csv'
kinds = 'adam sgd two_layers'
names = "'one layer, Adam' 'one layer, SGD' 'two layers, Adam'"
low_end = (predicted_low < measured_low ? predicted_low : measured_low) / 1.5
high_end = (predicted_high > measured_high ? predicted_high : measured_high) * 1.5
do for [format in formats] {
    eval open(format, 8.5, 8.5)
    eval panel(0.19, 0.95, 0.13, 0.98)
    set xrange [low_end:high_end]
    set yrange [low_end:high_end]
    eval fine('x', low_end, high_end)
    eval fine('y', low_end, high_end)
    set xlabel 'predicted plateau length (steps)'
    set ylabel "measured plateau length (steps)" offset -0.6, 0
    set key top left
    eval no_halo
    plot '+' using ($1):($1 / 1.2):($1 * 1.2) with filledcurves linecolor rgb '#e4e4e4' title 'within 20 %', \
        x with lines linestyle 9 dashtype 1 linewidth 0.8, \
        for [k=1:3] table using 'predicted':(of(word(kinds, k), 'measured')):'low':'high' \
            with yerrorbars linestyle k linewidth 0.8 pointsize 0.8 pointtype filled[k] title word(names, k), \
        table using 'predicted':(of('power', 'measured')) with points linestyle 8 linewidth 0.8 pointtype 2 pointsize 0.7 \
            title 'fitted power law'
    unset output
}
