table = name.'.csv'
band = name.'-band.csv'
stops = ''
do for [i=0:7] { stops = stops.sprintf('%d %s%s', i, colour_of(i), i < 7 ? ', ' : '') }
eval 'set palette defined ('.stops.')'
set cbrange [log10(shortest):log10(longest) + (longest > shortest ? 0 : 1)]
set cblabel plateau_name offset 0.8, 0
set cbtics () scale 0.3
set for [e=-2:12] cbtics add (sprintf('10^{%d}', e) e)
if (longest < 30 * shortest) { set for [e=-2:12] for [m in '2 5'] cbtics add (sprintf('%g', m * 10.0**e) e + log10(m)) }
y_labels = "'loss, relative to the null loss' 'attention, relative to its start'"
columns = 'loss attention'
banded = n_curves > n_shown ? "band using 'time':(column(y.'_low')):(column(y.'_high')) \
    with filledcurves linecolor rgb '#bbbbbb' fillstyle solid noborder title sprintf('5 to 95 %% of %d runs', n_curves)" : 'NaN'
do for [format in formats] {
    eval open(format, 17.5, 6.8)
    set multiplot
    do for [k=1:2] {
        y = word(columns, k)
        eval panel(k == 1 ? 0.07 : 0.545, k == 1 ? 0.46 : 0.90, 0.16, 0.90)
        set xrange [0:1.3]
        set xlabel 'time / plateau length'
        set ylabel word(y_labels, k)
        if (k == 1) { eval linear('y'); set yrange [0:(loss_high > 1.05 ? 1.4 : 1.1)]; unset colorbox } else {
            eval decades('y'); set yrange [attention_least / 1.5:attention_most * 2]
            set colorbox user origin screen 0.915, 0.16 size screen 0.012, 0.74
        }
        eval keys.(k == 1 ? 'bottom left' : 'top left')
        plot @banded, \
            table using 'time':(of('run', y)):(log10(column('plateau'))) with lines linecolor palette linewidth 0.7, \
            table using 'time':(of('theory', y)) with lines linestyle 8 linewidth 1 dashtype 2, \
            table using 'time':(of('master', y)) with lines linestyle 8 linewidth 1.3, \
            NaN with lines linestyle 8 linewidth 1 dashtype 2 title (k == 1 && !accuracy ? 'theory, at both ends of the colours' : ''), \
            NaN with lines linestyle 8 linewidth 1.3 title (k == 2 ? 'theory: exp (erf^{-1}({/:Italic t}/{/:Italic T}_{pl})^2)' : '')
    }
    unset multiplot
    unset output
}
