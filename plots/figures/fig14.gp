table = name.'.csv'
abscissa = 'T'
hues = ds
hue_name = '{/:Italic d}'
titles = "'marked, anywhere' 'marked, fixed position' 'fixed position'"
set xrange [T_low / 1.25:T_high * 1.25]
law_narrow = 1
row = 0.076   # the panels are lower than others
law_keys_at = 'bottom right samplen 1 width -7'
do for [format in formats] {
    eval open(format, 17.5, 6.8)
    set multiplot
    do for [k=1:3] {
        kind = word('random fixed unmarked', k)
        eval panel(0.085 + 0.325 * (k - 1), 0.32 + 0.325 * (k - 1), 0.16, 0.92)
        set xlabel 'sequence length {/:Italic T}'
        set ylabel steps_label offset 0, 0
        set title word(titles, k).law_r2(kind) offset 0, -0.6
        set key top left
        eval law_panel
    }
    unset multiplot
    unset output
}
