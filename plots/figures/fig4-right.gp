table = name.'.csv'
abscissa = 'pairs'
hue = 'vocab'
hues = vocabs
hue_name = 'vocabulary'
titles = "'5 % accuracy' 'half way from 1/pairs to 1'"
set xrange [pairs_low / 1.25:pairs_high * 1.25]
law_x = "set logscale x; set format x '%g'; unset mxtics; set xtics (1); set for [v in pairs_values] xtics add (real(v))"
row = 0.076   # the panels are lower than others
law_keys_at = 'bottom right width -8'
do for [format in formats] {
    eval open(format, 17.5, 6.8)
    set multiplot
    do for [k=1:2] {
        kind = word('stirs halfway', k)
        eval panel(0.08 + 0.49 * (k - 1), 0.48 + 0.49 * (k - 1), 0.16, 0.92)
        set xlabel 'pairs in context'
        set ylabel steps_label offset 0, 0
        set title word(titles, k) offset 0, -0.6
        set key top left
        eval law_panel
        eval second_key('top right')
        if (others) { plot for [v in hues] table using 'pairs':(shown(kind.'_other', v, 'value')) \
            with points linestyle style_of(hues, real(v)) linewidth 0.8 pointtype 6 pointsize 0.6 notitle, \
            NaN with points linestyle 8 linewidth 0.8 pointtype 6 pointsize 0.6 title 'other learning rates' }
    }
    unset multiplot
    unset output
}
