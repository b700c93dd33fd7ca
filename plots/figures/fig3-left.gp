table = name.'.csv'
abscissa = 'T'
hues = ds
hue_name = '{/:Italic d}'
kind = 'steps'
set xrange [T_low / 1.25:T_high * 1.25]
law_keys_at = 'bottom right width -9'
do for [format in formats] {
    eval open(format, 8.5, 7.2)
    set multiplot
    eval panel(0.17, 0.97, 0.16, 0.98)
    set xlabel 'sequence length {/:Italic T}'
    set ylabel steps_label
    set key top left
    eval law_panel
    unset multiplot
    unset output
}
