table = name.'.csv'
abscissa = 'B'
hues = ds
hue_name = '{/:Italic d}'
kind = 'steps'
set xrange [B_low / 1.25:B_high * 1.25]
law_keys_at = 'bottom left width -9'
do for [format in formats] {
    eval open(format, 8.5, 7.2)
    set multiplot
    eval panel(0.17, 0.97, 0.16, 0.98)
    set xlabel sprintf('in-context repetition {/:Italic B}   ({/:Italic T} = %g)', T)
    set ylabel steps_label
    set key top right
    eval law_panel
    unset multiplot
    unset output
}
