table = name.'.csv'
# A row belongs to a group and is a corner of its curve, or marks runs that were cut off.
curve_of(i, y) = column('marked') == 1 ? NaN : of(value(sprintf('group_%d', i)), y)
mark_of(i, y) = column('marked') == 1 ? of(value(sprintf('group_%d', i)), y) : NaN
group_title(i) = sprintf('%s (%d)', value(sprintf('group_%d', i)), value(sprintf('runs_%d', i)))
longest = 0
do for [i=1:n_groups] { longest = strlen(group_title(i)) > longest ? strlen(group_title(i)) : longest }
across = longest > 22 ? 1 : 2   # columns of the key
rows = int((n_groups + (n_diverged > 0) + across - 1) / across)
do for [format in formats] {
    eval open(format, 8.5, 6.6 + 0.4 * rows)
    eval panel(0.13, 0.97, 0.15, 0.97 - 0.047 * rows)
    eval fine('x', time_low, time_high)
    set xrange [time_low:time_high * 1.05]
    set yrange [0:1.03]
    set xlabel plateau_name.', '.read_at
    set ylabel 'share not yet emerged'
    eval keys.'at graph 0, graph 1.02 left bottom horizontal maxcols '.across.' samplen 1.5 width 0'
    plot for [i=1:n_groups] table using 'time':(curve_of(i, 'low')):(curve_of(i, 'high')) \
            with filledcurves linecolor rgb colour[style(i)] fillstyle transparent solid (n_groups > 3 ? 0.45 / n_groups : 0.15) noborder, \
        for [i=1:n_groups] table using 'time':(curve_of(i, 'survival')) with lines linestyle style(i) dashtype i, \
        for [i=1:n_groups] table using 'time':(mark_of(i, 'survival')) with points linestyle style(i) pointtype 1 pointsize 0.7 linewidth 0.8, \
        for [i=1:n_groups] NaN with lines linestyle style(i) dashtype i title group_title(i) noenhanced, \
        NaN with points linestyle 8 pointtype 1 title (n_diverged ? sprintf('%d diverged: never emerge', n_diverged) : '')
    unset output
}
