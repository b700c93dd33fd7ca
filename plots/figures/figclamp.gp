table = name.'.csv'
kinds = 'none copy select'
names = "'free' 'copying held' 'selecting held'"
panels = words(pairs_values) < 3 ? words(pairs_values) : 3
do for [format in formats] {
    eval open(format, panels < 2 ? 8.5 : 17.5, 6.2)
    set multiplot
    do for [i=1:panels] {
        left = panels < 2 ? 0.15 : 0.075 + 0.92 * (i - 1.0) / panels
        eval panel(left, left + (panels < 2 ? 0.8 : 0.92 / panels - 0.05), 0.18, 0.92)
        set xlabel step_label
        set ylabel i == 1 ? 'test accuracy' : ''
        set xrange [step_low:step_high * 1.1]
        set yrange [0:1.03]
        eval fine('x', step_low, step_high)
        set title word(pairs_values, i).' pairs' offset 0, -0.6
        if (i == 1) { set key bottom right } else { unset key }
        plot for [k=1:3] table using 'step':(with_key(word(kinds, k), 'pairs', real(word(pairs_values, i)), 'accuracy_test')) \
            with linespoints linestyle k @curve title word(names, k)
        unset title
    }
    unset multiplot
    unset output
}
