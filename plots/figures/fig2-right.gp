table = name.'.csv'
abscissa = 'x'
set xrange [x_low / 1.25:x_high * 1.25]
hue = 'p'
hues = ps
eval room(value_low, value_high, data eq '' ? 0.05 : 0.25, data eq '' ? 0.02 : 0.25)
do for [format in formats] {
    eval open(format, 17.5, 6.8)
    set multiplot
    do for [k=1:2] {
        kind = word('paper exact', k)
        set ylabel plateau_label
        eval panel(k == 1 ? 0.08 : 0.57, k == 1 ? 0.48 : 0.97, 0.18, 0.97)
        eval decades('x')
        eval decades('y')
        set xlabel k == 1 ? '{/:Italic X} = √{/:Italic d} {/:Italic T} / √({/:Italic p}^2{/:Italic d} + (1−{/:Italic p})^2)   (paper)' : \
            '{/:Italic X} = √{/:Italic d} {/:Italic T} / √(1 + {/:Italic p}^2({/:Italic d}−1))   (exact)'
        law = k == 1 ? law_paper : law_exact
        r2 = k == 1 ? law_paper_r2 : law_exact_r2
        set key top left width 0 maxrows 3
        plot table using 'x':(of('law_'.kind, 'value')) with lines linestyle 8 linewidth 1, \
            for [i=1:words(ps)] table using 'x':(with_key(kind, 'p', word(ps, i), 'value')) \
                with points linestyle style(i) title '{/:Italic p} = '.word(ps, i)
        eval second_key('bottom right width -7')
        if (k == 1) {
            plot table using 'x':(of('published', 'value')) with lines linestyle 7 dashtype 3 title 'published: 2.15 {/:Italic X}^{1.02}', \
                NaN with lines linestyle 8 linewidth 1 title 'fit: '.law.',  {/:Italic R}^2 = '.r2
        } else {
            plot @simulated, NaN with lines linestyle 8 linewidth 1 title 'fit: '.law.',  {/:Italic R}^2 = '.r2
        }
    }
    unset multiplot
    unset output
}
