table = name.'.csv'
n = words(exponents)
theories = 'quadrature flow tied'
theory_names = "'theory: quadrature' 'theory: flow' 'theory: flow, tied copies'"
group(i) = value(sprintf('group_%d', i))
eval no_halo
do for [format in formats] {
    eval open(format, n == 1 ? 8.5 : 17.5, 6.4)
    set multiplot
    do for [k=1:n] {
        key = word(exponents, k)
        left = n == 1 ? 0.17 : n == 2 ? 0.08 + 0.49 * (k - 1) : 0.07 + 0.33 * (k - 1)
        eval panel(left, left + (n == 1 ? 0.80 : n == 2 ? 0.40 : 0.26), 0.16, 0.87)
        set format '%g'
        set xrange [(recall ? 0 : 1):(recall ? 1 : 0)]
        low = real(word(lows, k))
        high = real(word(highs, k))
        set yrange [low - 0.08 * (high - low) - 0.02:high + 0.08 * (high - low) + 0.02]
        set xlabel recall ? 'accuracy reached' : 'loss reached, relative to the null loss'
        set ylabel 'exponent of {/:Italic '.key.'}'
        eval keys.'at screen 2, 2'
        plot for [t=1:words(theories)] for [i=1:n_groups] table using 'threshold':(of(group(i).': '.word(theories, t), key)) \
                with lines linestyle style(i) dashtype t == 3 ? 3 : 2 linewidth 1, \
            for [i=1:n_groups] table using (column('threshold') + 0.008 * (2 * i - 1 - n_groups)):(of(group(i), key)): \
                (column(key.'_low')):(column(key.'_high')) with yerrorbars linestyle style(i) linewidth 0.8
    }
    # one key for all panels, as wide as the page
    eval panel(0.02, 0.98, 0.16, 0.87)
    eval second_key('at graph 0, screen 0.99 left top horizontal maxrows 2 samplen 1.8 width 0')
    plot for [i=1:n_groups] NaN with points linestyle style(i) title group(i) noenhanced, \
        for [t=1:words(theories)] NaN with lines linestyle 8 dashtype t == 3 ? 3 : 2 linewidth 1 \
            title (strstrt(shown, word(theories, t)) ? word(theory_names, t) : '')
    unset multiplot
    unset output
}
