table = name.'.csv'
# A row belongs to a group and is a corner of its curve, or marks runs that were cut off.
curve_of(i, y) = column('marked') == 1 ? NaN : of(value('group_'.i), y)
mark_of(i, y) = column('marked') == 1 ? of(value('group_'.i), y) : NaN
group_title(i) = sprintf('%s (%d)', value('group_'.i), value('runs_'.i))
nth(list, k) = k > words(list) ? 1 : int(word(list, k))   # gnuplot evaluates a loop that has no turn, too
diverged = n_diverged ? sprintf('%d diverged', n_diverged) : ''
longest = strlen(diverged)
do for [i=1:n_groups] { longest = strlen(group_title(i)) > longest ? strlen(group_title(i)) : longest }
across = longest > 22 ? 1 : 2   # columns of the key
rows = int((n_groups + (n_diverged > 0) + across - 1) / across)
height = 6.3 + 0.35 * rows      # cm, of which the key takes what it needs
do for [format in formats] {
    eval open(format, 8.5, height)
    eval panel(0.13, 0.97, 0.97 / height, 1 - (0.35 * rows + 0.15) / height)
    eval fine('x', axis_from, axis_to)
    set xrange [axis_from:axis_to]
    set yrange [0:1.03]
    set xlabel plateau_name.', '.read_at
    set ylabel 'share not yet emerged'
    eval keys.'at graph 0, graph 1.02 left bottom horizontal maxcols '.across.' samplen 1.5 width 0'
    plot for [k=1:words(banded)] table using 'time':(curve_of(nth(banded, k), 'low')):(curve_of(nth(banded, k), 'high')) \
            with filledcurves linecolor rgb colour[style(nth(banded, k))] fillstyle transparent solid (n_groups > 3 ? 0.45 / n_groups : 0.15) noborder, \
        for [i=1:n_groups] table using 'time':(curve_of(i, 'survival')) with lines linestyle style(i) dashtype i, \
        for [k=1:words(marked_groups)] table using 'time':(mark_of(nth(marked_groups, k), 'survival')) \
            with points linestyle style(nth(marked_groups, k)) pointtype 1 pointsize 0.7 linewidth 0.8, \
        for [i=1:n_groups] NaN with lines linestyle style(i) dashtype i title group_title(i) noenhanced, \
        NaN with lines linestyle 8 linecolor rgb 'white' title diverged
    unset output
}
